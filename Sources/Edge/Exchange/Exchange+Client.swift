// The rules of the listener about the address of a request's client.
internal import HTTP
internal import Inference

extension Exchange {
    /// Refuses a request whose client the rules of its listener do not serve.
    ///
    /// A client whose address the connection alone tells was judged when the connection began. It is judged again here
    /// because a listener without TLS serves some paths to everybody whom `deny` does not have.
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
