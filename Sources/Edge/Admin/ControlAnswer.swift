// The responses of the admin listener and of the command socket.
internal import HTTP
internal import Inference
internal import Transport

/// Sends responses on streams that the control thread serves.
enum ControlAnswer {
    /// Sends a complete response; for a HEAD request, sends only the head.
    ///
    /// - Parameters:
    ///   - body: the body of the response, JSON unless `type` names another content type.
    ///   - allow: the value of the header field `allow`, which a response with status 405 needs; nil for no such field.
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

    /// Sends a failure as an error response in JSON.
    static func send(_ failure: Failure, allow: String? = nil, on stream: ServerStream) {
        send(status: failure.status, failure.body(.other, requestID: ""), allow: allow, on: stream)
    }
}
