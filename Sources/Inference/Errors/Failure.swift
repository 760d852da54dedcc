// What can go wrong with an exchange: one taxonomy, from which status, body, error event, reset and log field come.

package struct Failure: Error, Equatable, Sendable {
    package enum Kind: CaseIterable, Sendable {
        // The client's.
        case malformedRequest, invalidJSON, invalidRequest, missingModel, modelNotFound, notFound, methodNotAllowed
        case requestTimeout, bodyTooLarge, targetTooLong, unsupportedMediaType, expectationFailed, headerTooLarge
        case methodNotImplemented, versionNotSupported, clientLeft, clientStalled
        // The client's, by its key.
        case unauthorized, forbidden, rateLimited, concurrencyLimited
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
    /// The executor works, and does not want us: our credential or our configuration is wrong.
    package var isOfOurConfiguration = false
    /// `executorError` only: the status that the executor gave.
    private var executorStatus: Int?

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
            case .duplicate, .wrongType, .tooLong: .invalidRequest
            }
        self.init(kind, error.message, param: error.param)
    }

    /// An executor's own error, found in its first event or its answer; an odd status becomes 502.
    ///
    /// Its text passes for 4xx that the client caused and is scrubbed otherwise.
    package init(executorStatus status: Int?, _ error: StreamError = StreamError()) {
        let status = [status ?? error.code].compactMap { $0 }.first { (400...599).contains($0) } ?? 502
        let isClients = (400..<500).contains(status) && ![401, 403, 429].contains(status)
        self.init(.executorError, isClients ? error.message : nil, retryAfter: nil)
        executorStatus = status
        if status == 429 || status == 503 { message = "The model is overloaded. Try again." }
        code = status < 500 && isClients ? "invalid_request" : kind.code
    }

    package static func modelNotFound(_ name: String) -> Failure {
        Failure(.modelNotFound, "The model '\(name.prefix(256))' does not exist or you do not have access to it.")
    }

    package var status: Int { executorStatus ?? kind.status }
    package var label: String { kind.label }

    package var side: Side {
        switch kind {
        case .malformedRequest, .invalidJSON, .invalidRequest, .missingModel, .modelNotFound, .notFound,
            .methodNotAllowed, .requestTimeout, .bodyTooLarge, .targetTooLong, .unsupportedMediaType,
            .expectationFailed, .headerTooLarge, .methodNotImplemented, .versionNotSupported, .clientLeft,
            .clientStalled, .unauthorized, .forbidden, .rateLimited, .concurrencyLimited:
            .client
        case .executorUnreachable, .executorCertificate, .executorBrokeOff, .executorProtocol, .executorError,
            .firstEventTimeout,
            .responseTimeout, .stall:
            executorStatus.map { (400..<500).contains($0) && ![401, 403, 408, 429].contains($0) } == true
                ? .client : .executor
        case .memory, .overloaded, .draining, .noExecutor, .queueFull, .queueTimeout: .edge
        }
    }

    /// Whether another executor may try.
    ///
    /// A 500 is caused by the request itself as often as by its executor: one other executor finds out.
    package var retry: Retry {
        switch kind {
        case .executorUnreachable, .executorCertificate, .executorBrokeOff, .executorProtocol: .elsewhere
        case .firstEventTimeout: .withinBudget
        case .executorError:
            switch status {
            case 429, 502, 503, 504: isOfOurConfiguration ? .elsewhere : .withinBudget
            case 500: .once
            case 404: .otherKind
            default: .never
            }
        default: .never
        }
    }

    /// What its executor is charged with: a busy executor is not at fault, nor is one that was asked wrongly by the
    /// client or by our configuration.
    package var charge: Charge {
        switch kind {
        case .executorUnreachable, .executorCertificate, .executorBrokeOff, .executorProtocol: .connection
        case .firstEventTimeout, .responseTimeout, .stall: .timeout
        case .executorError where status == 429: .busy
        case .executorError where status == 500: .suspect
        case .executorError where status == 501: .none
        case .executorError where status >= 500 && !isOfOurConfiguration: .answer
        default: .none
        }
    }
}
