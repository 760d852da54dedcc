// The response to a request that broke the rules of HTTP, or for which there is no memory.
internal import HTTP
internal import Inference
internal import Transport

/// The response to a request that the HTTP layer has refused, for which no `Exchange` is made.
struct Refusal {
    let failure: Failure
    /// The value of `x-request-id` in the response.
    let requestID: String

    /// Sends the whole response.
    ///
    /// - Parameter date: the value of the `date` field.
    func respond(on stream: ServerStream, date: String) {
        let body = failure.body(.other, requestID: requestID)
        var fields = FieldBlock()
        fields.append(.contentType, "application/json")
        fields.append(.contentLength, body.count)
        fields.append(.date, date)
        fields.append(.requestID, requestID)
        if let seconds = failure.retryAfter { fields.append(.retryAfter, seconds) }
        stream.respond(ResponseHead(status: failure.status, fields: fields), end: false)
        stream.send(body.span)
        stream.finish()
    }
}
