// Recognizes sentences that say that a model does not exist or cannot be used.

extension ErrorSentence {
    /// Nouns for a model.
    private static let nouns: Set<String> = [
        "model", "models", "deployment", "deployments", "adapter", "adapters", "lora", "engine", "model_id",
        "model_name",
        "modelid", "checkpoint",
    ]
    /// Words that may stand between a noun such as `model` and the word that says something about it.
    ///
    /// An example is `base` in `unknown base model`.
    private static let adjectives: Set<String> = [
        "the", "this", "that", "a", "an", "any", "your", "our", "selected", "specified", "requested", "given",
        "provided",
        "foundation", "base", "lora", "chat", "embedding", "language", "large", "publisher", "custom", "remote",
        "local",
        "upstream", "underlying", "target", "default", "api", "served", "following", "ai", "llm", "current", "new",
        "configured", "gemini", "named",
    ]
    /// Words that give a preceding `model` another meaning, as in `model response` and `model parameters`.
    private static let partsOfRequests: Set<String> = [
        "response", "responses", "output", "outputs", "input", "inputs", "message", "messages", "tool", "tools",
        "state",
        "context", "parameter", "parameters", "call", "calls", "turn", "argument", "arguments", "settings", "options",
        "item", "items", "reasoning", "template", "image", "images", "prompt", "choice", "request", "content", "role",
        "kwargs", "tokens", "field", "fields", "member", "property",
    ]
    /// Words that give a following `model` another meaning, as in `role model` and `data model`.
    private static let otherModels: Set<String> = [
        "role", "roles", "tool", "field", "parameter", "argument", "property", "variable", "function", "file", "data",
        "pydantic", "schema", "column", "key", "user",
    ]
    /// Words that may stand between a noun such as `model` and the model's name.
    private static let suffixes: Set<String> = [
        "id", "ids", "name", "names", "identifier", "version", "named", "called", "with", "key", "alias", "variant",
        "file",
        "files", "weights", "config", "path", "adapter", "deployment", "of", "the",
    ]
    private static let prepositions: Set<String> = [
        "for", "of", "by", "in", "with", "from", "to", "on", "at", "using", "inside", "within", "under",
    ]
    /// Nouns that may stand before a preposition and a model: `access to model x`, `no endpoint for model x`.
    ///
    /// What a sentence says about such a noun counts as said about the model.
    private static let heads: Set<String> = [
        "invocation", "access", "request", "requests", "endpoint", "endpoints", "deployment", "deployments", "provider",
        "providers", "worker", "workers", "instance", "instances", "replica", "replicas", "backend", "backends",
        "route",
        "routes", "weights", "config", "configuration", "files", "version", "host", "hosts", "server", "servers",
    ]
    /// Adjectives that say that a model does not exist or cannot be used.
    private static let unknown: Set<String> = [
        "unknown", "invalid", "unsupported", "unrecognized", "unrecognised", "nonexistent", "non-existent", "incorrect",
        "wrong", "undefined", "unregistered", "unavailable", "missing", "inactive",
    ]
    /// Verbs that, after a negation, say that the engine could not find or use a model.
    private static let searches: Set<String> = [
        "find", "locate", "resolve", "access", "recognize", "recognise", "identify", "invoke", "found", "know", "serve",
        "host",
    ]

    /// Whether the sentence says that a model does not exist or cannot be used.
    var saysModelIsMissing: Bool {
        if says([" no endpoints ", " no allowed providers "]) {
            // OpenRouter's `no endpoints found that support tool use` is about the request, not about the model.
            return !says([" support", " that can ", " handle "])
        }
        if says([" not found for account "]) { return true }
        return words.indices.contains { isModel($0) && (isDeniedBefore($0) || isDeniedBehind($0) || isSought($0)) }
    }

    /// Whether the word at this index means a model.
    private func isModel(_ index: Int) -> Bool {
        guard let noun = word(index) else { return false }
        if noun.hasPrefix("models/") { return true }
        guard Self.nouns.contains(noun) else { return false }
        if let before = word(index - 1), Self.otherModels.contains(before) { return false }
        guard let next = word(index + 1) else { return true }
        return !Self.partsOfRequests.contains(next) || words[index + 1].isAfterColon
    }

    /// The index of the word that says something about the noun at `index`, such as `unknown` in `unknown base model`.
    ///
    /// The word is the nearest one before the noun that is neither an adjective (`isAdjective`) nor quoted.
    private func governor(of index: Int) -> Int {
        var candidate = index - 1
        while candidate >= 0, words[candidate].isQuoted || isAdjective(words[candidate].text) { candidate -= 1 }
        return candidate
    }

    private func isAdjective(_ word: String) -> Bool {
        Self.adjectives.contains(word) || (word.contains("-") && !Self.unknown.contains(word))
    }

    /// Whether words before the model say that the model cannot be used: `unknown model`, `no such model`, `is not a
    /// valid model`.
    private func isDeniedBefore(_ index: Int) -> Bool {
        let governorIndex = governor(of: index)
        guard word(index) != "engine", let governor = word(governorIndex) else { return false }
        if Self.unknown.contains(governor) { return true }
        if governor == "no" { return isCounted(from: index + 1) }
        if governor == "such" { return word(governorIndex - 1) == "no" }
        guard Self.present.contains(governor) || governor == "matching" || governor == "healthy" else { return false }
        if word(governorIndex - 1) == "no" { return isCounted(from: index + 1) }
        return ["a", "an", "the"].contains(word(governorIndex - 1))
            && word(governorIndex - 2).map { Self.negations.contains($0) } == true
    }

    /// Whether the words `no model`, which end before this index, mean that no model of a certain name exists.
    ///
    /// Otherwise they may mean that no model has some ability, as in `no model supports tools`.
    private func isCounted(from index: Int) -> Bool {
        var index = index
        while let word = word(index), ["id", "name", "ids", "names"].contains(word) { index += 1 }
        guard words.indices.contains(index), let next = word(index), !words[index].isAfterColon else { return true }
        if ["is", "are", "was", "were", "has", "have", "been", "currently"].contains(next) {
            return isCounted(from: index + 1)
        }
        if next == "with" {
            guard let following = word(index + 1) else { return true }
            return ["id", "name", "the", "that", "this", "identifier"].contains(following)
        }
        return [",", "named", "called", "matches", "matching", "matched", "by", "at", "specified", "selected"].contains(
            next
        )
            || Self.present.contains(next) || looksLikeName(next)
    }

    /// Whether a word has a digit or a mark that English words lack, as names of models have.
    private func looksLikeName(_ word: String) -> Bool {
        word.contains { $0.isNumber || "-_/:.@".contains($0) }
    }

    /// Whether the word can be the subject of the sentence, because no preposition stands before it.
    ///
    /// In `access to the model`, a preposition stands before `model`, but `model` still counts as the subject. `access`
    /// is one of the nouns in `heads`: what a sentence says about such a noun counts as said about the model.
    private func isSubject(_ index: Int) -> Bool {
        let governorIndex = governor(of: index)
        guard let governor = word(governorIndex), Self.prepositions.contains(governor) else { return true }
        return word(governorIndex - 1).map { Self.heads.contains($0) } == true
    }

    /// Whether the model is the subject of a sentence that says that it cannot be used: `the model x does not exist`.
    private func isDeniedBehind(_ index: Int) -> Bool {
        guard isSubject(index) else { return false }
        if word(index) == "engine" {
            guard says([" not found ", " not exist", "n't exist"]) else { return false }
            return denies(at: index + 1) || denies(at: pastName(index + 1))
        }
        var end = index + 1
        if ["or", "and"].contains(word(end)) { end += 2 }
        if denies(at: end) { return true }
        while let word = word(end), Self.suffixes.contains(word) { end += 1 }
        if denies(at: end) { return true }
        end = pastName(end)
        if ["version", "revision", "tag"].contains(word(end)) { end += 2 }
        return denies(at: end) || isDenied(behindPhraseAt: end)
    }

    /// The index after the model's name, if a name is at this index; otherwise this index.
    private func pastName(_ index: Int) -> Int {
        guard words.indices.contains(index) else { return index }
        guard let word = word(index) else { return index + 1 }
        let isVerb = word.hasSuffix("ed") || word.hasSuffix("ing") || word == "," || Self.partsOfRequests.contains(word)
        let isName = looksLikeName(word) || !isVerb && !Self.prepositions.contains(word)
        return isName ? index + 1 : index
    }

    /// Whether a phrase with a preposition begins at this index, and the words after the phrase say that what stands
    /// before the phrase cannot be used.
    ///
    /// In `the model X for this resource does not exist`, the phrase is `for this resource`.
    private func isDenied(behindPhraseAt start: Int) -> Bool {
        guard let first = word(start), Self.prepositions.contains(first) else { return false }
        for end in start + 2...start + 6 {
            guard words.indices.contains(end - 1) else { return false }
            let last = words[end - 1]
            if last.text == "," || !last.isQuoted && Self.partsOfRequests.contains(last.text) { return false }
            if denies(at: end, behind: start..<end) { return true }
        }
        return false
    }

    /// Whether the words before the mention of the model, which is at this index, say that the model was not found or
    /// may not be used: `could not find model x`, `you do not have access to the model`, `not found: model x`.
    private func isSought(_ index: Int) -> Bool {
        var verbIndex = governor(of: index)
        if word(verbIndex) == "to", word(verbIndex - 1) == "access" { verbIndex -= 1 }
        guard let verb = word(verbIndex), Self.searches.contains(verb), word(index) != "engine" else { return false }
        if verb == "found" {
            // Before `not found`, only words such as `Error 404` may stand. Another noun would be the thing that was
            // not found.
            return word(verbIndex - 1) == "not" && (0..<verbIndex - 1).allSatisfy { isOfStatus(words[$0].text) }
        }
        return (max(0, verbIndex - 4)..<verbIndex).contains { word($0).map { Self.negations.contains($0) } == true }
    }

    /// Whether a word only says that there was an error: `HTTP`, `404`, `Error`.
    func isOfStatus(_ word: String) -> Bool {
        word.hasSuffix("error") || word.hasSuffix("exception") || word.hasPrefix("http") && !word.contains("://")
            || word.allSatisfy { $0.isNumber } || ["status", "code", "client", "not_found"].contains(word)
    }
}
