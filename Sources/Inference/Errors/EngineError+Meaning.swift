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
        switch meaning {
        case .clientsMistake, .notImplemented: namesStreamOptions
        default: false
        }
    }

    /// The member by the names that engines give it; Google's turn words with underscores into humps.
    private var namesStreamOptions: Bool {
        [param, message].contains { text in
            let text = text?.lowercased() ?? ""
            return ["stream_options", "streamoptions", "include_usage", "includeusage"].contains { text.contains($0) }
        }
    }

    /// Whether an engine still loads its model.
    package var isLoading: Bool {
        [message, code].contains { $0.map { EngineSentences($0).saysModelIsLoading } == true }
    }

    package var meaning: ErrorMeaning {
        let sentences = EngineSentences(message ?? "")
        let (found, isWord) = unresolved(sentences)
        switch found {
        case .notFound: return meaning(ofNotFound: sentences)
        case .clientsMistake where status == nil && sentences.saysModelIsOverloaded:
            // Hugging Face's engine gives it the number 422 in an event.
            return .busy(503)
        case .badRequest, .clientsMistake(400), .clientsMistake(409), .clientsMistake(410), .clientsMistake(422):
            let isOurs = !isWord && (saysModelIsMissing(sentences) || isOfOurAccount(sentences))
            return isOurs ? .ourConfiguration : found == .badRequest ? .clientsMistake(400) : found
        case .ourConfiguration where pause != nil && (status == 402 || number == 402):
            // What is paid for is in use at the moment; a bill that is not paid has no end that could be told.
            return .busy(429)
        case .ourConfiguration where status == 403 || number == 403:
            return sentences.saysContentIsRefused ? .clientsMistake(403) : found
        case .ourConfiguration where isWord && namesPartOfRequest && code.map(EngineWords.namesModel) == true:
            // A model that the client asks for itself, as for a tool's.
            return .clientsMistake(status.flatMap { (400..<500).contains($0) ? $0 : nil } ?? 400)
        case .busy where status == 413 || number == 413 || sentences.saysRequestIsTooLarge: return .clientsMistake(413)
        case .busy:
            // The engine's own status says it as well, and more exactly.
            let own = [status, number].compactMap { $0 }.first { [429, 503, 529].contains($0) }
            return own.map { .busy($0) } ?? found
        case .unavailable(503): return sentences.busy == nil ? found : .busy(503)
        case .failed where namesStreamOptions && sentences.refusesMember: return .clientsMistake(400)
        default: return found
        }
    }

    /// What is not there: the model, the path, or something that the client names.
    private func meaning(ofNotFound sentences: EngineSentences) -> ErrorMeaning {
        if param == "model" || sentences.beginsWithModel || saysModelIsMissing(sentences) { return .ourConfiguration }
        if sentences.isEmpty || sentences.saysPathIsMissing { return .missingPath }
        return isOfOurAccount(sentences) ? .ourConfiguration : .clientsMistake(404)
    }

    private func saysModelIsMissing(_ sentences: EngineSentences) -> Bool {
        !namesPartOfRequest && sentences.saysModelIsMissing
    }

    private func isOfOurAccount(_ sentences: EngineSentences) -> Bool {
        !namesPartOfRequest && sentences.isOfOurAccount
    }

    /// Whether the error is about a member of the request that the client alone has put there.
    private var namesPartOfRequest: Bool {
        guard let name = param?.lowercased() else { return false }
        return [
            "tool", "function", "input", "message", "prompt", "response_format", "text", "metadata",
            "previous_response",
        ]
        .contains { name.hasPrefix($0) || name.hasPrefix("body." + $0) }
    }

    /// A particular word outranks a number, a number outranks a general word, and that outranks a sentence.
    ///
    /// `isWord`: a particular word has said it, so that no sentence need be asked.
    private func unresolved(_ sentences: EngineSentences) -> (meaning: ErrorMeaning, isWord: Bool) {
        let words = [code, type].compactMap { $0.flatMap { EngineWords.meaning(of: $0) } }
        let numbers = [status, number].compactMap { $0.flatMap { EngineWords.meaning(of: $0) } }
        if let word = words.first(where: { !$0.isGeneral }) { return (word, true) }
        if let number = numbers.first(where: { !$0.isGeneral }) { return (number, false) }
        if numbers.contains(.notFound) { return (.notFound, false) }
        if let word = words.first(where: { $0 != .failed(500) }) { return (word, false) }
        if let sentence = sentences.meaning, sentence != .ourConfiguration || !namesPartOfRequest {
            return (sentence, false)
        }
        if numbers.isEmpty, words.isEmpty, sentences.saysPathIsMissing { return (.missingPath, false) }
        // An error without any number is not more certain than that.
        return (numbers.first ?? words.first ?? .failed(502), false)
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
