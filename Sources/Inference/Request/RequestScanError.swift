// The reasons for which a request body is refused.

/// Why a request body is refused.
package enum RequestScanError: Error, Equatable, Sendable {
    /// The body is not valid JSON.
    ///
    /// The scan skips values that it does not need, and does not notice every error in them.
    case invalidJSON
    case notAnObject
    case trailingContent
    case missingModel
    /// The body has this key more than once.
    case duplicate(String)
    /// The body has a key that some JSON readers treat as equal to this key, for example because they ignore case.
    case ambiguous(String)
    case wrongType(String, expected: String)
    case tooLong(String, limit: Int)
    case tooSmall(String, expected: String)

    /// The key in the JSON body that causes the error; nil if the body as a whole is wrong.
    package var param: String? {
        switch self {
        case .invalidJSON, .notAnObject, .trailingContent: nil
        case .missingModel: "model"
        case .duplicate(let key), .ambiguous(let key), .wrongType(let key, _), .tooLong(let key, _),
            .tooSmall(let key, _):
            key
        }
    }

    /// The message for the client.
    package var message: String {
        switch self {
        case .invalidJSON: "The request body is not valid JSON."
        case .notAnObject: "The request body must be a JSON object."
        case .trailingContent: "The request body has content after its JSON object."
        case .missingModel: "The request body must name a model."
        case .duplicate(let key): "The request body has '\(key)' more than once."
        case .ambiguous(let key): "The request body has a key that some readers take for '\(key)'."
        case .wrongType(let key, let expected): "'\(key)' must be \(expected)."
        case .tooLong(let key, let limit): "'\(key)' must not be longer than \(limit) bytes."
        case .tooSmall(let key, let expected): "'\(key)' must be \(expected)."
        }
    }
}
