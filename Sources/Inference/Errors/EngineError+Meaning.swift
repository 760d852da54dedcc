// What an engine's error means: whose fault it is, whether another executor may try, and what the client is told.

extension EngineError {
    /// The failure that this error is to the exchange whose client speaks `dialect`.
    ///
    /// Status, number, code, type and sentence decide, in whatever shape they came. The table in docs/engine-errors.md is
    /// this function; a test compares them.
    package func classified(in dialect: Dialect) -> Failure {
        let meaning = meaning
        var failure = Failure(engine: self, verdict: Failure.Verdict(meaning, in: dialect))
        if let pause, failure.side == .executor, meaning != .ourConfiguration {
            failure.retryAfter = (pause + 999) / 1000
            failure.retryAfterMs = pause
        }
        switch meaning {
        case .clientsMistake(408): break
        case .clientsMistake, .badRequest, .notImplemented:
            failure.message = message.map { ErrorText.scrubbed($0) } ?? "The model's executor refuses the request."
            failure.param = param.map { ErrorText.scrubbed($0) }
            failure.code = code.map { ErrorText.scrubbed($0) } ?? "invalid_request"
            failure.document = document(for: dialect, status: failure.status)
        case .missingPath, .notFound:
            failure.message = "The model's executor has nothing at this path."
            failure.code = Failure.Kind.notFound.code
        case .busy: failure.message = "The model is overloaded. Try again."
        case .unavailable(503): failure.message = "The model is overloaded. Try again."
        case .unavailable, .ourConfiguration, .failed: break
        }
        if failure.side != .client {
            let heard = number.map { "it told of an error \($0) in its answer" } ?? "it told of an error in its answer"
            failure.detail = status.map { "it answered \($0)" } ?? heard
        }
        return failure
    }

    // MARK: What it means

    /// Whether it refuses `stream_options`, which newer engines know, as a member of the request.
    package var refusesStreamOptions: Bool {
        guard case .clientsMistake = meaning else { return false }
        return [param, message].contains {
            $0?.contains("stream_options") == true || $0?.contains("include_usage") == true
        }
    }

    package var meaning: ErrorMeaning {
        let found = unresolved
        let text = message ?? ""
        switch found {
        case .notFound:
            if param == "model" || text.hasPrefix("model:") || EngineWords.saysModelIsMissing(text) {
                return .ourConfiguration
            }
            return EngineWords.saysPathIsMissing(text) ? .missingPath : .clientsMistake(404)
        case .clientsMistake where status == nil && text.lowercased().hasPrefix("model is overloaded"):
            // Hugging Face's engine gives it the number 422 in an event.
            return .busy(503)
        case .badRequest, .clientsMistake(400), .clientsMistake(422):
            let isOurs = EngineWords.saysModelIsMissing(text) || EngineWords.saysKeyIsWrong(text)
            return isOurs ? .ourConfiguration : found == .badRequest ? .clientsMistake(400) : found
        case .ourConfiguration where pause != nil && (status == 402 || number == 402):
            // What is paid for is in use at the moment; a bill that is not paid has no end that could be told.
            return .busy(429)
        case .ourConfiguration where status == 403 || number == 403:
            return EngineWords.saysContentIsRefused(text) ? .clientsMistake(403) : found
        case .busy:
            // The engine's own status says it as well, and more exactly.
            let own = [status, number].compactMap { $0 }.first { [429, 503, 529].contains($0) }
            return own.map { .busy($0) } ?? found
        case .unavailable(503):
            if case .busy? = EngineWords.meaning(ofSentence: text) { return .busy(503) }
            return found
        default: return found
        }
    }

    /// A particular word outranks a number, a number outranks a general word, and that outranks a sentence.
    private var unresolved: ErrorMeaning {
        let words = [code, type].compactMap { $0.flatMap { EngineWords.meaning(of: $0) } }
        let numbers = [status, number].compactMap { $0.flatMap { EngineWords.meaning(of: $0) } }
        if let word = words.first(where: { !$0.isGeneral }) { return word }
        if let number = numbers.first(where: { !$0.isGeneral }) { return number }
        if numbers.contains(.notFound) { return .notFound }
        if let word = words.first(where: { $0 != .failed(500) }) { return word }
        if let sentence = message.flatMap({ EngineWords.meaning(ofSentence: $0) }) { return sentence }
        // An error without any number is not more certain than that.
        return numbers.first ?? words.first ?? .failed(502)
    }

    // MARK: What passes

    /// The JSON that told it, for a client of this dialect: with all its members where it has the shape that the client
    /// expects, and without addresses.
    private func document(for dialect: Dialect, status: Int) -> [UInt8]? {
        guard case .bytes(let bytes, let value)? = document, case .object(let members) = value else { return nil }
        // A number of its own that is another one, or a request id, would contradict the head of our answer.
        guard number == nil || number == status else { return nil }
        guard members.allSatisfy({ ["error", "type", "object"].contains($0.key) }) else { return nil }
        guard value["error"]?["message"]?.string != nil else { return nil }
        if dialect.isAnthropic {
            guard value["type"]?.string == "error", value["error"]?["type"]?.string != nil else { return nil }
        } else if value["type"] != nil {
            return nil
        }
        return ErrorText.scrubbed(json: bytes)
    }
}

extension Failure.Verdict {
    init(_ meaning: ErrorMeaning, in dialect: Dialect) {
        switch meaning {
        case .clientsMistake(408): self.init(408, .executor, .never, .none)
        case .badRequest: self.init(400, .client, .never, .none)
        case .clientsMistake(let status): self.init(status, .client, .never, .none)
        case .notImplemented: self.init(501, .client, .never, .none)
        case .missingPath, .notFound: self.init(404, .client, .otherKind, .none)
        case .busy(529): self.init(dialect.isAnthropic ? 529 : 503, .executor, .withinBudget, .busy)
        case .busy(let status): self.init(status, .executor, .withinBudget, .busy)
        case .unavailable(let status): self.init(status, .executor, .withinBudget, .answer)
        case .ourConfiguration: self.init(502, .executor, .elsewhere, .none)
        case .failed(let status): self.init(status, .executor, .once, .suspect)
        }
    }
}
