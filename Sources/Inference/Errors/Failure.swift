// What can go wrong with an exchange: one taxonomy, from which status, body, error event, reset and log field come.

/// Why an exchange, or one of its attempts, has failed.
package struct Failure: Error, Equatable, Sendable {
    /// The kinds of failures; `FailureKind.swift` has the label, the status and the message of each.
    package enum Kind: CaseIterable, Sendable {
        // Caused by the client.
        case malformedRequest, invalidJSON, invalidRequest, missingModel, modelNotFound, notFound, methodNotAllowed
        case requestTimeout, bodyTooLarge, targetTooLong, unsupportedMediaType, expectationFailed, headerTooLarge
        case methodNotImplemented, versionNotSupported, clientLeft, clientViolation, clientStalled
        // Caused by the client's key.
        case unauthorized, forbidden, rateLimited, concurrencyLimited, exceedsLimit
        // Caused by an executor.
        case executorUnreachable, executorCertificate, executorBrokeOff, executorProtocol, executorError
        case firstEventTimeout, responseTimeout, stall
        // Caused by the edge.
        case memory, overloaded, draining, maintenance, noExecutor, queueFull, queueTimeout
    }

    /// Whose fault a failure is.
    package enum Side: String, Sendable { case client, executor, edge }

    /// Whether another executor may try after this failure, as long as nothing of an answer has been relayed.
    package enum Retry: CaseIterable, Sendable {
        /// No other executor is tried, and the client gets the failure.
        case never
        /// Another executor may try at once, since the failed attempt has cost its executor nothing.
        case elsewhere
        /// Another executor may try when the retry budget has room, since the failed attempt has cost its executor
        /// work.
        case withinBudget
        /// One other executor may try when the retry budget has room; a second such failure goes to the client.
        case once
        /// One executor of another `kind` in the same pool may try at once; a second such failure goes to the client.
        case otherKind
    }

    /// What the executor of a failed attempt is charged with.
    package enum Charge: CaseIterable, Sendable {
        /// Nothing: the fault is the request's, the client's or our configuration's.
        case none
        /// The executor is busy, which is no fault, but it gets no requests for `retryAfterMs`.
        case busy
        /// The executor could not be reached, or broke off before its response began.
        case connection
        /// The executor responded with a failure.
        case answer
        /// The executor did not respond in time.
        case timeout
        /// Counts as `answer` if another executor then serves the same request, and otherwise as nothing.
        case suspect
    }

    /// What follows from an error that an engine reported itself (`EngineError.classified(in:)`).
    struct Verdict: Equatable, Sendable {
        var status: Int
        var side: Side
        var retry: Retry
        var charge: Charge

        init(_ status: Int, _ side: Side, _ retry: Retry, _ charge: Charge) {
            self.status = status
            self.side = side
            self.retry = retry
            self.charge = charge
        }
    }

    package var kind: Kind
    /// The message for the client, in English.
    package var message: String
    /// The member of the request at fault; OpenAI's `error.param`.
    package var param: String?
    /// OpenAI's `error.code`; nil writes null.
    package var code: String?
    /// The value of `retry-after`, in seconds.
    package var retryAfter: Int?
    /// The value of `retry-after-ms`, in milliseconds, which OpenAI's SDKs prefer.
    package var retryAfterMs: Int?
    /// The cause as the system, TLS or the executor's framing reported it: for the log, never for the client.
    package var detail: String?
    /// The engine's own JSON document if the client gets that; otherwise the failure is rendered in the client's
    /// dialect.
    var document: [UInt8]?
    /// What follows from the engine's error; set only for the kind `executorError`.
    private var verdict: Verdict?
    /// The engine's error, at most one: an array stores it outside of the failure, which exchanges hold by value.
    private var engineErrors: [EngineError] = []

    /// Makes a failure of a kind.
    ///
    /// - Parameters:
    ///   - message: The message for the client; nil for that of the kind.
    ///   - param: The member of the request at fault.
    ///   - code: OpenAI's code; nil for that of the kind.
    ///   - retryAfter: The value of `retry-after`, in seconds.
    package init(
        _ kind: Kind,
        _ message: String? = nil,
        param: String? = nil,
        code: String? = nil,
        retryAfter: Int? = nil
    ) {
        self.kind = kind
        self.message = message ?? kind.message
        self.param = param
        self.code = code ?? kind.code
        self.retryAfter = retryAfter
    }

    /// Makes the failure for a request body that cannot be accepted.
    package init(scan error: RequestScanError) {
        let kind: Kind =
            switch error {
            case .invalidJSON, .notAnObject, .trailingContent: .invalidJSON
            case .missingModel: .missingModel
            case .duplicate, .ambiguous, .wrongType, .tooLong, .tooSmall: .invalidRequest
            }
        self.init(kind, error.message, param: error.param)
    }

    /// Makes the failure for an engine's error; the client gets the engine's text only if the caller sets it.
    init(engine error: EngineError, verdict: Verdict) {
        self.init(.executorError)
        self.verdict = verdict
        engineErrors = [error]
    }

    /// Makes the failure for a status of an engine whose body was not read.
    package init(executorStatus status: Int, in dialect: Dialect = .openAIChat) {
        self = EngineError(status: status).classified(in: dialect)
        engineErrors = []
    }

    /// The failure of an exchange whose stream or connection we ended because the client broke the protocol.
    ///
    /// - Parameter detail: What the client did, for the log.
    package static func clientViolation(_ detail: String) -> Failure {
        var failure = Failure(.clientViolation)
        failure.detail = detail
        return failure
    }

    /// The failure for a model that does not exist or that the key may not use; the client cannot tell which.
    ///
    /// - Parameter name: The name as the client wrote it, of which 256 characters are shown.
    package static func modelNotFound(_ name: String) -> Failure {
        Failure(.modelNotFound, "The model '\(name.prefix(256))' does not exist or you do not have access to it.")
    }

    /// The status for the client.
    package var status: Int { verdict?.status ?? kind.status }
    /// The engine's error, if the failure was made from one that has been read.
    package var engineError: EngineError? { engineErrors.first }
    /// The kind's word in `end` of the log and in metric labels.
    package var label: String { kind.label }

    /// Whose fault the failure is.
    package var side: Side {
        switch kind {
        case .malformedRequest, .invalidJSON, .invalidRequest, .missingModel, .modelNotFound, .notFound,
            .methodNotAllowed, .requestTimeout, .bodyTooLarge, .targetTooLong, .unsupportedMediaType,
            .expectationFailed, .headerTooLarge, .methodNotImplemented, .versionNotSupported, .clientLeft,
            .clientViolation, .clientStalled, .unauthorized, .forbidden, .rateLimited, .concurrencyLimited,
            .exceedsLimit:
            .client
        case .executorUnreachable, .executorCertificate, .executorBrokeOff, .executorProtocol, .executorError,
            .firstEventTimeout, .responseTimeout, .stall:
            verdict?.side ?? .executor
        case .memory, .overloaded, .draining, .maintenance, .noExecutor, .queueFull, .queueTimeout: .edge
        }
    }

    /// Whether another executor may try.
    package var retry: Retry {
        switch kind {
        case .executorUnreachable, .executorCertificate, .executorBrokeOff, .executorProtocol: .elsewhere
        case .firstEventTimeout: .withinBudget
        case .executorError: verdict?.retry ?? .withinBudget
        default: .never
        }
    }

    /// What the executor of the attempt is charged with; a wrong request or configuration is not charged to it.
    package var charge: Charge {
        switch kind {
        case .executorUnreachable, .executorCertificate, .executorBrokeOff, .executorProtocol: .connection
        case .firstEventTimeout, .responseTimeout, .stall: .timeout
        case .executorError: verdict?.charge ?? .answer
        default: .none
        }
    }
}
