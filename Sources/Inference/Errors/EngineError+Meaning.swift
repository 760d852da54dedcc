// What an engine's error means: whose fault it is, whether another executor may try, and what the client gets.

extension EngineError {
    /// Makes the failure of an exchange from this error, for a client that speaks `dialect`.
    ///
    /// The failure depends on the status of the response, and on the status, code, type, parameter and message that the
    /// error names. The JSON shape of the error does not matter. The table in docs/engine-errors.md describes this
    /// function, and a test compares the table with it.
    package func classified(in dialect: Dialect) -> Failure {
        let meaning = meaning
        var verdict = Failure.Verdict(meaning, in: dialect)
        if verdict.retry == .never, saysAPIIsUnsupported { verdict.retry = .otherKind }
        var failure = Failure(engine: self, verdict: verdict)
        if let retryAfterMs, failure.side == .executor, meaning != .misconfiguration {
            failure.retryAfter = (retryAfterMs + 999) / 1000
            failure.retryAfterMs = retryAfterMs
        }
        switch meaning {
        case .clientError(408): break
        case .clientError, .badRequest, .notImplemented:
            failure.message = message.map { ErrorRedaction.redacted($0) } ?? "The model's executor refuses the request."
            failure.param = param.map { ErrorRedaction.redacted($0) }
            failure.code = code.map { ErrorRedaction.redacted($0) } ?? "invalid_request"
            failure.document = document(for: dialect, status: failure.status)
        case .missingPath, .notFound:
            failure.message = "The model's executor has nothing at this path."
            failure.code = Failure.Kind.notFound.code
        case .busy: failure.message = "The model is overloaded. Try again."
        case .unavailable(503): failure.message = "The model is overloaded. Try again."
        case .unavailable, .misconfiguration, .failed: break
        }
        if failure.side != .client {
            let inAnswer = namedStatus.map { " \($0)" } ?? ""
            failure.detail = status.map { "it answered \($0)" } ?? "it told of an error\(inAnswer) in its answer"
        }
        return failure
    }

    // MARK: Meaning

    /// Whether the engine refuses the request because it does not know the member `stream_options`.
    package var refusesStreamOptions: Bool {
        switch meaning {
        case .clientError, .notImplemented: namesStreamOptions
        default: false
        }
    }

    /// Whether the error names `stream_options` or its member `include_usage`.
    ///
    /// Google's APIs write the two names in camel case.
    private var namesStreamOptions: Bool {
        [param, message].contains { part in
            let text = part?.lowercased() ?? ""
            return ["stream_options", "streamoptions", "include_usage", "includeusage"].contains { text.contains($0) }
        }
    }

    /// Whether the engine says that it does not serve the API at the request's path, although it knows the path.
    ///
    /// llama.cpp says so if an option is missing on its command line, and vLLM if its model is not made for the API.
    private var saysAPIIsUnsupported: Bool {
        guard let text = message?.lowercased(), status == 501 || status == 400 || status == 404 else { return false }
        return text.hasPrefix("this server does not support ") && status == 501
            || text.hasPrefix("the model does not support ") && text.hasSuffix(" api")
    }

    /// Whether the engine says that its model is still loading.
    package var isLoading: Bool {
        [message, code].contains { $0.map { ErrorMessage($0).saysModelIsLoading } == true }
    }

    /// What the error means, as its code and type, the status of the response, a status in the error, and its message
    /// show.
    package var meaning: ErrorMeaning {
        let text = ErrorMessage(message ?? "")
        let (found, isWord) = unresolved(text)
        switch found {
        case .notFound: return meaning(ofNotFound: text)
        case .clientError where status == nil && text.saysModelIsOverloaded:
            // Hugging Face's engine reports an overload in an event that names the status 422.
            return .busy(503)
        case .badRequest, .clientError(400), .clientError(409), .clientError(410), .clientError(422):
            let isOurs = !isWord && (saysModelIsMissing(text) || isOfOurAccount(text))
            return isOurs ? .misconfiguration : found == .badRequest ? .clientError(400) : found
        case .misconfiguration where retryAfterMs != nil && (status == 402 || namedStatus == 402):
            // An error with status 402 and a time to wait reports a temporary limit, not an unpaid bill.
            return .busy(429)
        case .misconfiguration where status == 403 || namedStatus == 403:
            return text.saysContentIsRefused ? .clientError(403) : found
        case .misconfiguration where isWord && namesPartOfRequest && code.map(ErrorCodeTable.namesModel) == true:
            // The client named the missing model in a member other than `model`, for example as the model of a tool.
            return .clientError(status.flatMap { (400..<500).contains($0) ? $0 : nil } ?? 400)
        case .busy where status == 413 || namedStatus == 413 || text.saysRequestIsTooLarge: return .clientError(413)
        case .busy:
            // If the status of the response, or the status in the error, is 429, 503 or 529, the meaning keeps that
            // status.
            let own = [status, namedStatus].compactMap { $0 }.first { [429, 503, 529].contains($0) }
            return own.map { .busy($0) } ?? found
        case .unavailable(503): return text.busy == nil ? found : .busy(503)
        case .failed where namesStreamOptions && text.refusesMember: return .clientError(400)
        default: return found
        }
    }

    /// The meaning of an error that says that something does not exist: the model, the path, or another object.
    private func meaning(ofNotFound text: ErrorMessage) -> ErrorMeaning {
        if param == "model" || text.beginsWithModel || saysModelIsMissing(text) { return .misconfiguration }
        if text.isEmpty || text.saysPathIsMissing { return .missingPath }
        return isOfOurAccount(text) ? .misconfiguration : .clientError(404)
    }

    /// Whether the message says that the model that the edge asked for does not exist.
    private func saysModelIsMissing(_ text: ErrorMessage) -> Bool {
        !namesPartOfRequest && text.saysModelIsMissing
    }

    /// Whether the message says that the edge's API key or account at the engine is the problem.
    private func isOfOurAccount(_ text: ErrorMessage) -> Bool {
        !namesPartOfRequest && text.isOfOurAccount
    }

    /// Whether the engine's error blames, in `param`, a member of the request that only the client can have written.
    private var namesPartOfRequest: Bool {
        guard let name = param?.lowercased() else { return false }
        return [
            "tool", "function", "input", "message", "prompt", "response_format", "text", "metadata",
            "previous_response",
        ]
        .contains { name.hasPrefix($0) || name.hasPrefix("body." + $0) }
    }

    /// The meaning of the error before the property `meaning` refines it by the error's message.
    ///
    /// These parts of the error are looked up in order, and the first part with a meaning determines the result:
    ///
    /// 1. a code or type with a specific meaning, for which `ErrorMeaning.isGeneral` is false;
    /// 2. a status, except 424, 499 and 500, which say only that the engine has failed;
    /// 3. a code or type with a general meaning, except one that says only that the engine has failed;
    /// 4. the message;
    /// 5. a status, code or type that says only that the engine has failed.
    ///
    /// - Returns: The meaning, and whether part 1 has determined it.
    private func unresolved(_ text: ErrorMessage) -> (meaning: ErrorMeaning, isWord: Bool) {
        let words = [code, type].compactMap { $0.flatMap { ErrorCodeTable.meaning(of: $0) } }
        let numbers = [status, namedStatus].compactMap { $0.flatMap { ErrorCodeTable.meaning(ofStatus: $0) } }
        if let word = words.first(where: { !$0.isGeneral }) { return (word, true) }
        if let number = numbers.first(where: { !$0.isGeneral }) { return (number, false) }
        if numbers.contains(.notFound) { return (.notFound, false) }
        if let word = words.first(where: { $0 != .failed(500) }) { return (word, false) }
        if let meaning = text.meaning, meaning != .misconfiguration || !namesPartOfRequest {
            return (meaning, false)
        }
        if numbers.isEmpty, words.isEmpty, text.saysPathIsMissing { return (.missingPath, false) }
        // If no part of the error has a meaning, the error is a failure of the executor, reported to the client as 502.
        return (numbers.first ?? words.first ?? .failed(502), false)
    }

    // MARK: The document for the client

    /// The engine's own JSON document, for a client of this dialect.
    ///
    /// The document keeps all its members, but `ErrorRedaction` replaces addresses, file paths and API keys in its
    /// strings.
    ///
    /// - Returns: nil if the document does not have the shape that the client expects; the edge then renders the
    ///   failure itself.
    private func document(for dialect: Dialect, status: Int) -> [UInt8]? {
        guard case .bytes(let bytes, let value)? = document, case .object(let members) = value else { return nil }
        // The client gets the document in a response that has the edge's status and the edge's request id. So the
        // document must not name a different status or any request id.
        guard namedStatus == nil || namedStatus == status else { return nil }
        guard members.allSatisfy({ ["error", "type", "object"].contains($0.key) }) else { return nil }
        guard value["error"]?["message"]?.string != nil else { return nil }
        if dialect.isAnthropic {
            guard value["type"]?.string == "error", value["error"]?["type"]?.string != nil else { return nil }
        } else if value["type"] != nil {
            return nil
        }
        return ErrorRedaction.redacted(json: bytes)
    }
}

extension Failure.Verdict {
    /// Makes the verdict for a meaning: the client's status, whose fault the error is, whether another executor may
    /// try, and what is counted against the executor.
    init(_ meaning: ErrorMeaning, in dialect: Dialect) {
        switch meaning {
        case .clientError(408): self.init(408, .executor, .never, .none)
        case .badRequest: self.init(400, .client, .never, .none)
        case .clientError(let status): self.init(status, .client, .never, .none)
        case .notImplemented: self.init(501, .client, .never, .none)
        case .missingPath, .notFound: self.init(404, .client, .otherKind, .none)
        case .busy(529): self.init(dialect.isAnthropic ? 529 : 503, .executor, .withinBudget, .busy)
        case .busy(let status): self.init(status, .executor, .withinBudget, .busy)
        case .unavailable(let status): self.init(status, .executor, .withinBudget, .answer)
        case .misconfiguration: self.init(502, .executor, .elsewhere, .none)
        case .failed(let status): self.init(status, .executor, .once, .suspect)
        }
    }
}
