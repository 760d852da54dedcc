// Applies a listener's rules about client addresses to a request.
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
}
