// What an engine's error means for the request. Engines word their errors differently, so their errors are reduced to a
// few meanings.

/// What an engine's error means; `Failure.Verdict` says how the edge reacts to each meaning.
package enum ErrorMeaning: Equatable, Sendable {
    /// The engine says that the request is wrong, but only by a general word such as `invalid_request_error`.
    ///
    /// The HTTP status of the error may be more specific.
    case badRequest
    /// No executor can serve the request as it is, usually because the client has made a mistake.
    ///
    /// The value is the status for the client, 400 to 499.
    case clientError(Int)
    /// The request asks for something that the engine does not implement.
    case notImplemented
    /// The engine does not have the path, or does not accept the method at this path.
    case missingPath
    /// The engine has not found something: the model, the path or another object.
    ///
    /// `EngineError.meaning` reads the error's message to decide what is missing.
    case notFound
    /// The engine works, but has too much to do. The value is the HTTP status that fits the error: 429, 503 or 529.
    case busy(Int)
    /// The engine, or a gateway in front of it, cannot be reached now. The value is the fitting HTTP status: 502, 503
    /// or 504.
    case unavailable(Int)
    /// The operator's settings for this executor are wrong: its API key, its account or its model name.
    case misconfiguration
    /// The engine has failed, perhaps only for this request. The value is the status for the client, 500 or 502.
    case failed(Int)

    /// The name of the meaning in the log field `engine_error`.
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

    /// Whether the meaning is general, so that it says little about the cause of the error.
    ///
    /// If a more specific part of the error, such as its code or its message, has another meaning, then that meaning is
    /// used.
    var isGeneral: Bool {
        switch self {
        case .badRequest, .notFound, .failed(500): true
        default: false
        }
    }
}
