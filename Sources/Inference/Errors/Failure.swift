// What can go wrong with an exchange: one taxonomy, from which status, body, error event, reset and log field come.

package struct Failure: Error, Equatable, Sendable {
    package enum Kind: CaseIterable, Sendable {
        // The client's.
        case malformedRequest, invalidJSON, invalidRequest, missingModel, modelNotFound, notFound, methodNotAllowed
        case requestTimeout, bodyTooLarge, targetTooLong, unsupportedMediaType, expectationFailed, headerTooLarge
        case methodNotImplemented, versionNotSupported, clientLeft, clientViolation, clientStalled
        // The client's, by its key.
        case unauthorized, forbidden, rateLimited, concurrencyLimited, exceedsLimit
        // An executor's.
        case executorUnreachable, executorCertificate, executorBrokeOff, executorProtocol, executorError
        case firstEventTimeout, responseTimeout, stall
        // Ours.
        case memory, overloaded, draining, noExecutor, queueFull, queueTimeout
    }

    package enum Side: String, Sendable { case client, executor, edge }

    /// Whether another executor may try after this failure, as long as nothing of an answer has been relayed.
    package enum Retry: CaseIterable, Sendable {
        /// The failure is told to the client.
        case never
        /// Another executor may try at once: this failure has cost its executor nothing.
        case elsewhere
        /// Another executor may try when the retry budget has room, since the failed attempt was work.
        case withinBudget
        /// One other executor may try when the retry budget has room; a second failure of this sort is told.
        case once
        /// One executor of another `kind` in the same pool may try at once; a second failure of this sort is told.
        case otherKind
    }

    /// What the executor of a failed attempt is charged with.
    package enum Charge: CaseIterable, Sendable {
        /// Nothing: the fault is the request's, the client's or our configuration's.
        case none
        /// It is busy: no fault, but it is left alone for `retryAfter`.
        case busy
        /// It could not be reached, or broke off before its answer began.
        case connection
        /// It answered, with a failure.
        case answer
        /// It did not answer in time.
        case timeout
        /// `answer` if another executor then answers the same request well, else nothing.
        case suspect
    }

    /// What an engine's own error comes to (`EngineError.classified`).
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
    package var message: String
    package var param: String?
    /// In OpenAI's bodies; nil takes the kind's.
    package var code: String?
    /// Seconds for `retry-after`.
    package var retryAfter: Int?
    /// Milliseconds for `retry-after-ms`, which OpenAI's SDKs prefer.
    package var retryAfterMs: Int?
    /// For the log, never for the client: what the system, TLS or the executor's framing had to say.
    package var detail: String?
    /// The engine's own JSON where the client gets that; else the failure is written in its dialect.
    var document: [UInt8]?
    /// `executorError` only.
    private var verdict: Verdict?
    /// At most one: by reference, since exchanges keep failures.
    private var engineErrors: [EngineError] = []

    /// Without a message the kind's own.
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

    package init(scan error: RequestScanError) {
        let kind: Kind =
            switch error {
            case .invalidJSON, .notAnObject, .trailingContent: .invalidJSON
            case .missingModel: .missingModel
            case .duplicate, .ambiguous, .wrongType, .tooLong, .tooSmall: .invalidRequest
            }
        self.init(kind, error.message, param: error.param)
    }

    /// An engine's own error; it is told without the engine's words unless the caller adds them.
    init(engine error: EngineError, verdict: Verdict) {
        self.init(.executorError)
        self.verdict = verdict
        engineErrors = [error]
    }

    /// What an engine's status would come to; the engine has said nothing.
    package init(executorStatus status: Int, in dialect: Dialect = .openAIChat) {
        self = EngineError(status: status).classified(in: dialect)
        engineErrors = []
    }

    /// We ended the client's stream or connection for what it did.
    ///
    /// - Parameter detail: what that was, for the log.
    package static func clientViolation(_ detail: String) -> Failure {
        var failure = Failure(.clientViolation)
        failure.detail = detail
        return failure
    }

    package static func modelNotFound(_ name: String) -> Failure {
        Failure(.modelNotFound, "The model '\(name.prefix(256))' does not exist or you do not have access to it.")
    }

    package var status: Int { verdict?.status ?? kind.status }
    /// What the engine said, where that is the failure.
    package var engineError: EngineError? { engineErrors.first }
    package var label: String { kind.label }

    package var side: Side {
        switch kind {
        case .malformedRequest, .invalidJSON, .invalidRequest, .missingModel, .modelNotFound, .notFound,
            .methodNotAllowed, .requestTimeout, .bodyTooLarge, .targetTooLong, .unsupportedMediaType,
            .expectationFailed, .headerTooLarge, .methodNotImplemented, .versionNotSupported, .clientLeft,
            .clientViolation, .clientStalled, .unauthorized, .forbidden, .rateLimited, .concurrencyLimited,
            .exceedsLimit:
            .client
        case .executorUnreachable, .executorCertificate, .executorBrokeOff, .executorProtocol, .executorError,
            .firstEventTimeout,
            .responseTimeout, .stall:
            verdict?.side ?? .executor
        case .memory, .overloaded, .draining, .noExecutor, .queueFull, .queueTimeout: .edge
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

    /// What its executor is charged with: a busy executor is not at fault, nor is one that was asked wrongly by the
    /// client or by our configuration.
    package var charge: Charge {
        switch kind {
        case .executorUnreachable, .executorCertificate, .executorBrokeOff, .executorProtocol: .connection
        case .firstEventTimeout, .responseTimeout, .stall: .timeout
        case .executorError: verdict?.charge ?? .answer
        default: .none
        }
    }
}
