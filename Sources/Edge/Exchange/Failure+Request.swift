// The failures of a request that is refused because of its head, its body, or the memory that it needs.
internal import HTTP
internal import Inference

extension Failure {
    /// The failure with status 503 for a request for which too little of the memory budget is free now.
    static let noMemory = Failure(.memory, retryAfter: 1)

    /// The failure with status 503 for a body that had begun to arrive when too little memory was free for the rest.
    ///
    /// - Parameter detail: Why this body is refused, for the log.
    static func noMemory(because detail: String?) -> Failure {
        var failure = noMemory
        failure.detail = detail
        return failure
    }

    /// The failure with status 400 for a request target that is ambiguous.
    init(_ fault: RequestTarget.Fault) {
        let text =
            switch fault {
            case .dotSegment: "The path of the request must not have segments that are '.' or '..'."
            case .fragment: "The target of the request must not have a fragment."
            }
        self.init(.malformedRequest, text)
    }

    /// The `code` of the failure `unsupportedCoding`; the response lists the supported codings in `accept-encoding`.
    static let codingCode = "unsupported_content_encoding"

    /// The failure of a request whose compressed body cannot be decoded.
    ///
    /// - Parameter most: `limits.body`, in bytes.
    init(decoding error: BodyDecodingError, from coding: ContentCoding, most: Int) {
        switch error {
        case .malformed: self.init(.invalidRequest, "The request body is not valid \(coding.rawValue).")
        case .tooLarge: self.init(.bodyTooLarge, "The decoded request body is larger than \(most) bytes.")
        case .tooDense:
            let times = RequestBody.expansionMax
            self.init(.bodyTooLarge, "The decoded request body is more than \(times) times what was sent.")
        case .windowTooLarge:
            self.init(.invalidRequest, "The request body is zstd with a window above 8 MiB, which is not served.")
        case .noMemory: self = .noMemory
        }
    }

    /// The failure with status 415 for a body with a `content-encoding` that the edge cannot decode.
    static var unsupportedCoding: Failure {
        let message = "The content-encoding of the request body must be one of: \(ContentCoding.accepted)."
        return Failure(.unsupportedMediaType, message, code: codingCode)
    }
}
