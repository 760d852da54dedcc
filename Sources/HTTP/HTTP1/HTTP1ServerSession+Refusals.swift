// How the HTTP/1.1 session answers a request whose head or body breaks the rules of HTTP.

extension HTTP1ServerSession {
    private static let bodyViolation: StaticString = "HTTP/1.1: the request body broke the protocol"

    /// Refuses a request before it is given to a handler, for instance because its head is malformed.
    ///
    /// The delegate of the connection writes the response, and the connection closes after the response.
    ///
    /// - Parameter isHEAD: whether the method is HEAD. A response to HEAD has no content (RFC 9110 section 9.3.2).
    func refuse(status: Int, message: String, isHEAD: Bool = false) {
        let stream = HTTP1ServerStream(server: self, connection: connection, head: nil, isHEAD: isHEAD)
        stream.keepAlive = false
        self.stream = stream
        state = .closing
        connection.delegate.refusal(status: status, message: message, on: stream)
    }

    /// Refuses a request whose body breaks the rules of HTTP.
    ///
    /// If the response has not begun, the client gets `status`. A response that has begun and is not finished is
    /// aborted.
    func failBody(status: Int, message: String) {
        guard let stream else { return }
        state = .closing
        stream.keepAlive = false
        if !stream.isHeadSent {
            if stream.handler?.requestBroke(status: status, message: message) == true { return }
            let handler = stream.handler
            stream.handler = nil
            handler?.clientLeft(.violation(Self.bodyViolation))
            connection.delegate.refusal(status: status, message: message, on: stream)
        } else if !stream.isFinished {
            // An unfinished response is aborted. A finished response is still sent, and then `drained` closes the
            // connection.
            let handler = stream.handler
            stream.handler = nil
            handler?.clientLeft(.violation(Self.bodyViolation))
            abort(stream)
        }
    }
}
