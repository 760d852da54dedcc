// All failures that an exchange can have. A failure determines the status, the body, the error event, the stream reset
// and the log fields of its exchange.

/// Why an exchange, or one of its attempts, has failed.
package struct Failure: Error, Equatable, Sendable {
    /// The kinds of failures; `FailureKind.swift` has the label, the status and the message of each.
    package enum Kind: CaseIterable, Sendable {
        // Caused by the client.
        case malformedRequest, invalidJSON, invalidRequest, missingModel, modelNotFound, notFound, methodNotAllowed
        case misdirectedRequest
        case requestTimeout, bodyTooLarge, targetTooLong, unsupportedMediaType, expectationFailed, headerTooLarge
        case methodNotImplemented, versionNotSupported, loopDetected, clientLeft, clientViolation, clientStalled
        case addressRefused
        // Caused by the client's key.
        case unauthorized, forbidden, rateLimited, concurrencyLimited, exceedsLimit
        // Caused by other requests from the client's address.
        case addressLimited
        // Caused by earlier requests of the client.
        case resetLimit
        // Caused by an executor.
        case executorUnreachable, executorCertificate, executorBrokeOff, executorProtocol, executorError
        case firstEventTimeout, responseTimeout, stall
        // Caused by the edge.
        case memory, overloaded, draining, maintenance, noExecutor, queueFull, queueTimeout
    }

    /// Whose fault a failure is.
    package enum Side: String, Sendable { case client, executor, edge }

    /// Whether another executor may try the request after a failure.
    ///
    /// After a part of a response has been relayed to the client, no other executor may try.
    package enum Retry: CaseIterable, Sendable {
        /// No other executor is tried, and the client gets the failure.
        case never
        /// Another executor may try at once, because the failed attempt costs its executor no further work.
        case elsewhere
        /// Another executor may try if the retry budget allows it, because the pool may be overloaded and each retry
        /// adds to its load.
        case withinBudget
        /// One other executor may try if the retry budget allows it; if that attempt fails in the same way, the client
        /// gets the failure.
        case once
        /// One executor of another `kind` may try at once, because the failed one does not serve the path or the API.
        ///
        /// If the `kind` of the failed one is `auto`, executors of every `kind` may try, and there may be more than one
        /// further attempt (`FailedAttempt.isSingle`). If only the setting `passthrough` of a model names the path, the
        /// executors of other pools may not try.
        case otherKind
    }

    /// The fault that is counted against the executor of a failed attempt.
    package enum Charge: CaseIterable, Sendable {
        /// No fault is counted, because the request, the client or the edge's configuration is at fault.
        case none
        /// No fault is counted, because the executor is only busy or still loads the model.
        ///
        /// If a busy executor has named a time to wait (`retryAfterMs`), it gets no requests for that time, at most an
        /// hour.
        case busy
        /// A fault is counted: the executor could not be reached or verified, did not complete its response, or broke
        /// the protocol.
        case connection
        /// A fault is counted: the executor responded with a failure.
        case answer
        /// A fault is counted: the executor did not respond in time, or stopped in the middle of its response.
        case timeout
        /// The executor responded with a failure that the request itself may have caused, so a fault is counted only if
        /// another executor then serves the same request.
        ///
        /// The fault is counted in any case if the attempt was the trial of an executor that had been ejected, or if
        /// the failure came while the response was being relayed.
        case suspect
    }

    /// The consequences of an engine's error for the exchange; made by `EngineError.classified(in:)`.
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
    /// The member of the request at fault, for OpenAI's `error.param`; nil is written as null.
    package var param: String?
    /// The value of OpenAI's `error.code`; nil is written as null.
    package var code: String?
    /// The value of the field `retry-after`, in seconds; nil if the failure sets none.
    package var retryAfter: Int?
    /// The value of the field `retry-after-ms`, in milliseconds, which OpenAI's SDKs prefer; nil if the failure sets
    /// none.
    package var retryAfterMs: Int?
    /// The cause in detail, such as an error of the operating system, of TLS or of the HTTP framing.
    ///
    /// The detail goes to the log and never to the client.
    package var detail: String?
    /// The engine's own JSON document, which the client gets as the response body; nil if the body is made from
    /// `message` in the client's dialect.
    var document: [UInt8]?
    /// What the engine's error means for the exchange; set only for the kind `executorError`.
    private var verdict: Verdict?
    /// The engine's error; the array has at most one element.
    ///
    /// An array stores the error outside of the failure, so that the failure stays small: exchanges hold failures by
    /// value.
    private var engineErrors: [EngineError] = []

    /// Makes a failure of a kind.
    ///
    /// - Parameters:
    ///   - message: The message for the client; nil for the message of the kind.
    ///   - param: The member of the request at fault.
    ///   - code: The value of OpenAI's `error.code`; nil for the code of the kind.
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

    /// Makes the failure for an engine's error; the client gets the engine's message only if the caller sets `message`.
    init(engine error: EngineError, verdict: Verdict) {
        self.init(.executorError)
        self.verdict = verdict
        engineErrors = [error]
    }

    /// Makes the failure for an error status of an engine, when the body of the response has not been read.
    package init(executorStatus status: Int, in dialect: Dialect = .openAIChat) {
        self = EngineError(status: status).classified(in: dialect)
        engineErrors = []
    }

    /// The failure of an answer that is not JSON, after the client has been sent a head that announces JSON.
    ///
    /// Another executor would answer the same request with the same content type. Therefore no other executor is
    /// tried, and no fault is counted against this executor.
    package static var notJSON: Failure {
        var failure = Failure(.executorError, "The answer is not JSON, but its head had been sent as JSON.")
        failure.detail = "it answered with something other than JSON, after json_keep_alive had sent the head"
        failure.verdict = Verdict(502, .executor, .never, .none)
        return failure
    }

    /// The failure of an exchange that the edge ended because the client broke the protocol.
    ///
    /// - Parameter detail: The client's violation of the protocol, for the log.
    package static func clientViolation(_ detail: String) -> Failure {
        var failure = Failure(.clientViolation)
        failure.detail = detail
        return failure
    }

    /// The failure for a model that does not exist or that the key may not use; the client cannot tell which.
    ///
    /// - Parameter name: The name as the client wrote it, of which the first 256 characters are shown.
    package static func modelNotFound(_ name: String) -> Failure {
        Failure(.modelNotFound, "The model '\(name.prefix(256))' does not exist or you do not have access to it.")
    }

    /// The status of the response to the client.
    package var status: Int { verdict?.status ?? kind.status }
    /// The engine's error; nil if the failure was not made from an error that an engine reported.
    package var engineError: EngineError? { engineErrors.first }
    /// The word for the kind in the log field `end` and in metric labels.
    package var label: String { kind.label }

    /// Whose fault the failure is.
    package var side: Side {
        switch kind {
        case .malformedRequest, .invalidJSON, .invalidRequest, .missingModel, .modelNotFound, .notFound,
            .methodNotAllowed, .misdirectedRequest, .requestTimeout, .bodyTooLarge, .targetTooLong,
            .unsupportedMediaType, .expectationFailed, .headerTooLarge, .methodNotImplemented, .versionNotSupported,
            .loopDetected, .clientLeft, .clientViolation, .clientStalled, .addressRefused, .unauthorized, .forbidden,
            .rateLimited, .concurrencyLimited, .exceedsLimit, .addressLimited, .resetLimit:
            .client
        case .executorUnreachable, .executorCertificate, .executorBrokeOff, .executorProtocol, .executorError,
            .firstEventTimeout, .responseTimeout, .stall:
            verdict?.side ?? .executor
        case .memory, .overloaded, .draining, .maintenance, .noExecutor, .queueFull, .queueTimeout: .edge
        }
    }

    /// Whether another executor may try the request after the failure.
    package var retry: Retry {
        switch kind {
        case .executorUnreachable, .executorCertificate, .executorBrokeOff, .executorProtocol: .elsewhere
        case .firstEventTimeout: .withinBudget
        case .executorError: verdict?.retry ?? .withinBudget
        default: .never
        }
    }

    /// The fault that is counted against the executor of the attempt; `none` if the executor is not at fault.
    package var charge: Charge {
        switch kind {
        case .executorUnreachable, .executorCertificate, .executorBrokeOff, .executorProtocol: .connection
        case .firstEventTimeout, .responseTimeout, .stall: .timeout
        case .executorError: verdict?.charge ?? .answer
        default: .none
        }
    }
}
