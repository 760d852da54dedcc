// What an engine's error means for the exchange. The meaning does not depend on the engine or on the error's wording.

/// The meaning of an engine's error; `Failure.Verdict` says how the edge reacts to each meaning.
package enum ErrorMeaning: Equatable, Sendable {
    /// The request is wrong, according to a general word such as `invalid_request_error`.
    ///
    /// The status of the error may be more specific.
    case badRequest
    /// No executor can serve the request as it is. The value is the status for the client, 400 to 499.
    case clientError(Int)
    /// The request asks for something that the engine does not implement.
    case notImplemented
    /// The engine does not have the path, or does not accept the method at this path.
    case missingPath
    /// The model, the path or another object was not found. `EngineError.meaning` reads the message to decide which.
    case notFound
    /// The engine is alive and has too much to do. The value is 429, 503 or 529.
    case busy(Int)
    /// The engine, or a gateway in front of it, cannot be reached now. The value is 502, 503 or 504.
    case unavailable(Int)
    /// The credential, the account or the model name with which the edge is configured to call this executor is wrong.
    case misconfiguration
    /// The engine has failed, perhaps only for this request. The value is the status for the client, 500 or 502.
    case failed(Int)

    /// The word for the meaning in the log field `engine_error`.
    package var label: String {
        switch self {
        case .badRequest, .clientError: "clients_mistake"
        case .notImplemented: "not_implemented"
        case .missingPath: "missing_path"
        case .notFound: "not_found"
        case .busy: "busy"
        case .unavailable: "unavailable"
        case .misconfiguration: "our_configuration"
        case .failed: "failed"
        }
    }

    /// Whether the meaning is general: it says little more than which side is at fault.
    ///
    /// The meaning of a more specific part of the error, such as its code or its message, then takes precedence.
    var isGeneral: Bool {
        switch self {
        case .badRequest, .notFound, .failed(500): true
        default: false
        }
    }
}
