// The header fields of what an exchange answers: the same few stand in every response.
internal import HTTP
internal import Inference

/// What the responses of one exchange have in common.
struct ResponseFields {
    let requestID: String
    /// The dialect that the client speaks.
    let dialect: Dialect
    /// Nil where no browser's origin may call.
    let crossOrigin: CrossOriginGrant?

    /// A document of the edge's own.
    func document(type: String, length: Int, date: String, _ extra: FieldBlock) -> FieldBlock {
        var fields = extra
        fields.append(.contentType, type)
        fields.append(.contentLength, length)
        fields.append(.date, date)
        append(to: &fields)
        return fields
    }

    /// A response of the edge's own without a body; the caller decides about `crossOrigin`.
    func withoutBody(status: Int, date: String, _ extra: FieldBlock) -> FieldBlock {
        var fields = extra
        if status != 204 { fields.append(.contentLength, "0") }
        fields.append(.date, date)
        FieldPolicy.appendRequestID(requestID, dialect: dialect, to: &fields)
        return fields
    }

    /// An event stream that begins before an executor has answered.
    func eventStream(date: String) -> FieldBlock {
        var fields = FieldBlock()
        FieldPolicy.appendEventStream(to: &fields)
        fields.append(.date, date)
        append(to: &fields)
        return fields
    }

    /// The answer of an executor.
    ///
    /// - Parameter length: The length of its body where it is known.
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
