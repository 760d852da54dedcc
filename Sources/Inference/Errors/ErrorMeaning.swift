// What an error of an engine means for the exchange, whichever engine reported it in whichever words.

/// The meaning of an engine's error; `Failure.Verdict` says what follows from each.
package enum ErrorMeaning: Equatable, Sendable {
    /// The request is wrong, as a general word such as `invalid_request_error` says; a status may be more specific.
    case badRequest
    /// No executor can serve the request as it is. The value is the status for the client, 400 to 499.
    case clientError(Int)
    /// The request asks for something that the engine does not implement.
    case notImplemented
    /// The engine has no such path, or does not take this method there.
    case missingPath
    /// Something was not found, and only the message says what; `EngineError.meaning` resolves it.
    case notFound
    /// The engine is alive and has too much to do. The value is 429, 503 or 529.
    case busy(Int)
    /// The engine, or a gateway in front of it, cannot be reached now. The value is 502, 503 or 504.
    case unavailable(Int)
    /// The credential, the account or the model name that our configuration has for this executor is wrong.
    case misconfiguration
    /// The engine has failed, with this request only or with all. The value is the status for the client, 500 or 502.
    case failed(Int)

    /// The word for the meaning in `engine_error` of the log.
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

    /// Whether the meaning says little more than whose fault the error is.
    ///
    /// The meaning of a more specific part of the error, such as its code or its message, then takes precedence.
    var isGeneral: Bool {
        switch self {
        case .badRequest, .notFound, .failed(500): true
        default: false
        }
    }
}
