// The header fields of the responses of an exchange.
internal import HTTP
internal import Inference

/// Makes the header fields of a response; holds the values that all responses of one exchange share.
struct ResponseFields {
    let requestID: String
    /// The dialect that the client speaks.
    let dialect: Dialect
    /// Whether pages of the request's origin may read the response; nil if CORS is not configured.
    let crossOrigin: CrossOriginGrant?

    /// The fields of a response with a body that the edge has made.
    func document(type: String, length: Int, date: String, _ extra: FieldBlock) -> FieldBlock {
        var fields = extra
        fields.append(.contentType, type)
        fields.append(.contentLength, length)
        fields.append(.date, date)
        append(to: &fields)
        return fields
    }

    /// The fields of a response without a body.
    ///
    /// The caller adds the CORS fields if the response needs them.
    func withoutBody(status: Int, date: String, _ extra: FieldBlock) -> FieldBlock {
        var fields = extra
        if status != 204 { fields.append(.contentLength, "0") }
        fields.append(.date, date)
        FieldPolicy.appendRequestID(requestID, dialect: dialect, to: &fields)
        return fields
    }

    /// The fields of a response that begins before an executor has answered.
    func early(_ head: EarlyHead, date: String) -> FieldBlock {
        var fields = FieldBlock()
        if head == .json {
            fields.append(.contentType, "application/json")
            FieldPolicy.appendUnbuffered(to: &fields)
        } else {
            FieldPolicy.appendEventStream(to: &fields)
        }
        fields.append(.date, date)
        append(to: &fields)
        return fields
    }

    /// The fields of a response that relays an executor's answer.
    ///
    /// - Parameter length: The length of the body in bytes; nil if it is not known.
    func relayed(_ head: ResponseHead, isEventStream: Bool, length: Int?, date: String) -> FieldBlock {
        var fields = FieldPolicy.toClient(
            head.fields,
            isEventStream: isEventStream,
            requestID: requestID,
            dialect: dialect
        )
        if let length { fields.append(.contentLength, length) }
        if fields.first(.date) == nil { fields.append(.date, date) }
        crossOrigin?.append(to: &fields)
        return fields
    }

    private func append(to fields: inout FieldBlock) {
        FieldPolicy.appendRequestID(requestID, dialect: dialect, to: &fields)
        crossOrigin?.append(to: &fields)
    }
}
