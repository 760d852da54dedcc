// The responses of the admin listener and of the command socket.
internal import HTTP
internal import Inference
internal import Transport

/// Sends responses of the control thread.
enum ControlAnswer {
    /// Sends a whole response; of HEAD requests only the head.
    ///
    /// - Parameters:
    ///   - body: JSON, unless `type` says otherwise.
    ///   - allow: the value of the `allow` field, for 405.
    static func send(
        status: Int,
        _ body: [UInt8],
        type: String = "application/json",
        allow: String? = nil,
        isHEAD: Bool = false,
        on stream: ServerStream
    ) {
        var fields = FieldBlock()
        fields.append(.contentType, type)
        fields.append(.contentLength, body.count)
        fields.append(.date, Timestamp.imfFixdate(seconds: Clock.wallTime().seconds))
        fields.append(.cacheControl, "no-store")
        if let allow { fields.append(.allow, allow) }
        stream.respond(ResponseHead(status: status, fields: fields), end: isHEAD)
        guard !isHEAD else { return }
        stream.send(body.span)
        stream.finish()
    }

    /// Sends an error of the server's own.
    static func send(_ failure: Failure, allow: String? = nil, on stream: ServerStream) {
        send(status: failure.status, failure.body(.other, requestID: ""), allow: allow, on: stream)
    }
}
