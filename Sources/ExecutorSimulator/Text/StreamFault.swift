// The errors that a simulated executor reports.

/// An error that a simulated executor reports, in an event of a stream or as the body of a response.
struct StreamFault {
    var status: Int
    var type: String
    var message: String

    /// The error that SGLang reports in the first event of a stream if its queue is full.
    static let queueFull = StreamFault(
        status: 503,
        type: "SERVICE_UNAVAILABLE",
        message: "The request queue is full."
    )
    /// An error that blames the client.
    ///
    /// The message contains the address of an engine, which a gateway must not show to clients.
    static let tooLong = StreamFault(
        status: 400,
        type: "invalid_request_error",
        message: "The prompt is too long for the engine at 10.0.0.5:8000."
    )
    /// The error that vLLM reports if its engine has failed.
    static let engineFailed = StreamFault(
        status: 500,
        type: "InternalServerError",
        message: "EngineCore encountered an issue. See stack trace for the root cause."
    )
}
