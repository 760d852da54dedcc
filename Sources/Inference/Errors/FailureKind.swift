// The table of failures: the label, the status and the message of each kind.

extension Failure.Kind {
    /// The word for the kind in the log field `end` and in metric labels.
    package var label: String { row.label }
    /// The status for the client; 499 for a client that gets no response.
    package var status: Int { row.status }
    /// The message for the client.
    var message: String { row.message }

    /// The value of OpenAI's `error.code` for the kind.
    var code: String? {
        switch self {
        case .modelNotFound: "model_not_found"
        case .missingModel: "missing_required_parameter"
        case .unauthorized: "invalid_api_key"
        case .rateLimited: "rate_limit_exceeded"
        case .concurrencyLimited: "concurrency_limit_exceeded"
        case .exceedsLimit: "request_exceeds_limit"
        case .addressLimited: "address_limit_exceeded"
        case .executorError, .executorUnreachable, .executorCertificate, .executorBrokeOff, .executorProtocol:
            "executor_error"
        default: label
        }
    }

    private var row: (label: String, status: Int, message: String) {
        switch self {
        case .malformedRequest: ("malformed_request", 400, "The request is malformed.")
        case .invalidJSON: ("invalid_json", 400, "The request body is not valid JSON.")
        case .invalidRequest: ("invalid_request", 400, "The request is not valid.")
        case .missingModel: ("missing_model", 400, "The request body must name a model.")
        case .modelNotFound: ("model_not_found", 404, "The model does not exist or you do not have access to it.")
        case .notFound: ("not_found", 404, "There is nothing at this path.")
        case .methodNotAllowed: ("method_not_allowed", 405, "This path does not take this method.")
        case .misdirectedRequest:
            ("misdirected_request", 421, "This server does not serve the host that was asked for.")
        case .requestTimeout: ("request_timeout", 408, "The request did not arrive in time.")
        case .bodyTooLarge: ("body_too_large", 413, "The request body is too large.")
        case .targetTooLong: ("target_too_long", 414, "The request target is too long.")
        case .unsupportedMediaType: ("unsupported_media_type", 415, "The request body must be JSON.")
        case .expectationFailed: ("expectation_failed", 417, "The expectation cannot be met.")
        case .headerTooLarge: ("header_too_large", 431, "The request header is too large.")
        case .methodNotImplemented: ("method_not_implemented", 501, "The method is not implemented.")
        case .versionNotSupported: ("version_not_supported", 505, "The HTTP version is not supported.")
        case .loopDetected: ("loop_detected", 508, "The request has passed through this server before.")
        case .clientLeft: ("client_left", 499, "The client left.")
        case .clientViolation: ("client_violation", 499, "The client broke the protocol.")
        case .clientStalled: ("client_stalled", 499, "The client stopped reading.")
        case .addressRefused: ("address_refused", 403, "This server does not serve your address.")
        case .unauthorized: ("unauthorized", 401, "The API key is missing or not valid.")
        case .forbidden: ("forbidden", 403, "This API key may not ask models.")
        case .rateLimited: ("rate_limited", 429, "The rate limit of this API key is reached. Try again later.")
        case .exceedsLimit: ("exceeds_limit", 400, "The request needs more tokens than this API key has in a minute.")
        case .concurrencyLimited: ("concurrency_limited", 429, "This API key has too many requests at once. Try again.")
        case .addressLimited: ("address_limited", 429, "Your address has sent too much. Try again later.")
        case .resetLimit:
            ("reset_limit", 429, "You gave up too many requests before their answers began. Try again later.")
        case .executorUnreachable: ("executor_unreachable", 502, "The model's executor cannot be reached.")
        case .executorCertificate: ("executor_certificate", 502, "The model's executor cannot be verified.")
        case .executorBrokeOff: ("executor_broke_off", 502, "The model's executor broke off.")
        case .executorProtocol: ("executor_protocol", 502, "The model's executor gave an answer that is not valid.")
        case .executorError: ("executor_error", 502, "The model's executor failed.")
        case .firstEventTimeout: ("first_event_timeout", 504, "The model's executor did not begin in time.")
        case .responseTimeout: ("response_timeout", 504, "The model's executor did not answer in time.")
        case .stall: ("stall", 504, "The model's executor stopped in the midst of its answer.")
        case .memory: ("memory", 503, "The server is out of memory for requests. Try again.")
        case .overloaded: ("overloaded", 503, "The server is overloaded. Try again.")
        case .draining: ("draining", 503, "The server is shutting down. Try again.")
        case .maintenance: ("maintenance", 503, "The service is under maintenance. Try again later.")
        case .queueFull: ("queue_full", 429, "The model has too many requests waiting. Try again later.")
        case .queueTimeout: ("queue_timeout", 429, "The model was busy for too long. Try again later.")
        case .noExecutor: ("no_executor", 503, "No executor serves this model now. Try again.")
        }
    }
}
