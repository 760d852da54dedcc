// What an exchange does with its client: applies the listener's rules about client addresses, and handles the end of
// the stream.
internal import HTTP
internal import Inference

extension Exchange {
    /// Refuses a request if the rules of its listener do not allow the address of the client.
    ///
    /// Addresses are also checked when a connection begins. A request needs its own check, because a proxy may send the
    /// client's address in a header field. On a listener without TLS, health checks and ACME challenges are refused
    /// only for addresses in `deny`.
    ///
    /// - Returns: Whether the request was refused.
    func refusesAddress(_ head: RequestHead) -> Bool {
        let rules = stream.connection.settings.access
        if rules.isOpen { return false }
        let client = stream.client
        guard let refusal = rules.refusal(of: client, isExempt: isExemptPath) else { return false }
        environment.clientRefused(refusal, client, detail: nil)
        var failure = Failure(.addressRefused)
        failure.detail = refusal.rawValue
        refuse(head, failure)
        return true
    }

    /// The client or the edge has closed the stream or the connection; nothing can be sent any more.
    func clientLeft(_ end: ClientEnd) {
        if let attempt, attempt.phase == .waiting || attempt.phase == .relaying {
            environment.metrics.abortHandedOver()
        }
        countPrefillReset(end)
        if case .violation(let reason) = end {
            handle(.clientCut(.clientViolation(reason.description)))
        } else {
            handle(.clientLeft)
        }
    }

    /// Handles a violation of HTTP that was found after the head of the request.
    ///
    /// - Returns: Whether the exchange sends a response with this status; false if the exchange has already read the
    ///   whole request, or has already begun a response.
    func requestBroke(status: Int, message: String) -> Bool {
        guard phase == .body else { return false }
        handle(.refused(Failure(refusal: status, message)))
        return true
    }

    /// The whole response has been written to the client's socket.
    func responseFinished() { handle(.responseTaken) }
}
