// Whether a sentence says that a model is not there.

extension ErrorSentence {
    private static let nouns: Set<String> = [
        "model", "models", "deployment", "deployments", "adapter", "adapters", "lora", "engine", "model_id",
        "model_name",
        "modelid", "checkpoint",
    ]
    /// What stands between the noun and what governs it.
    private static let adjectives: Set<String> = [
        "the", "this", "that", "a", "an", "any", "your", "our", "selected", "specified", "requested", "given",
        "provided",
        "foundation", "base", "lora", "chat", "embedding", "language", "large", "publisher", "custom", "remote",
        "local",
        "upstream", "underlying", "target", "default", "api", "served", "following", "ai", "llm", "current", "new",
        "configured", "gemini", "named",
    ]
    /// A word that makes another thing of the model before it: `model response`, `model parameters`.
    private static let partsOfRequests: Set<String> = [
        "response", "responses", "output", "outputs", "input", "inputs", "message", "messages", "tool", "tools",
        "state",
        "context", "parameter", "parameters", "call", "calls", "turn", "argument", "arguments", "settings", "options",
        "item", "items", "reasoning", "template", "image", "images", "prompt", "choice", "request", "content", "role",
        "kwargs", "tokens", "field", "fields", "member", "property",
    ]
    /// A word that makes another thing of the model behind it: `role model`, `data model`.
    private static let otherModels: Set<String> = [
        "role", "roles", "tool", "field", "parameter", "argument", "property", "variable", "function", "file", "data",
        "pydantic", "schema", "column", "key", "user",
    ]
    /// What may stand between the noun and the name.
    private static let suffixes: Set<String> = [
        "id", "ids", "name", "names", "identifier", "version", "named", "called", "with", "key", "alias", "variant",
        "file",
        "files", "weights", "config", "path", "adapter", "deployment", "of", "the",
    ]
    private static let prepositions: Set<String> = [
        "for", "of", "by", "in", "with", "from", "to", "on", "at", "using", "inside", "within", "under",
    ]
    /// Of these, `of the model` says no more than the model: `access to model x`, `no endpoint for model x`.
    private static let heads: Set<String> = [
        "invocation", "access", "request", "requests", "endpoint", "endpoints", "deployment", "deployments", "provider",
        "providers", "worker", "workers", "instance", "instances", "replica", "replicas", "backend", "backends",
        "route",
        "routes", "weights", "config", "configuration", "files", "version", "host", "hosts", "server", "servers",
    ]
    private static let unknown: Set<String> = [
        "unknown", "invalid", "unsupported", "unrecognized", "unrecognised", "nonexistent", "non-existent", "incorrect",
        "wrong", "undefined", "unregistered", "unavailable", "missing", "inactive",
    ]
    /// What an engine looked for in vain.
    private static let searches: Set<String> = [
        "find", "locate", "resolve", "access", "recognize", "recognise", "identify", "invoke", "found", "know", "serve",
        "host",
    ]

    /// Whether the sentence says that a model is not there.
    var saysModelIsMissing: Bool {
        if says([" no endpoints ", " no allowed providers "]) {
            // OpenRouter's; `that support tool use` is about the request.
            return !says([" support", " that can ", " handle "])
        }
        if says([" not found for account "]) { return true }
        return words.indices.contains { isModel($0) && (isDeniedBefore($0) || isDeniedBehind($0) || isSought($0)) }
    }

    private func isModel(_ index: Int) -> Bool {
        guard let noun = word(index) else { return false }
        if noun.hasPrefix("models/") { return true }
        guard Self.nouns.contains(noun) else { return false }
        if let before = word(index - 1), Self.otherModels.contains(before) { return false }
        guard let next = word(index + 1) else { return true }
        return !Self.partsOfRequests.contains(next) || words[index + 1].isAfterColon
    }

    /// The index of what governs the noun: of the first word before it that is neither an adjective nor a name.
    private func governor(of index: Int) -> Int {
        var place = index - 1
        while place >= 0, words[place].isQuoted || isAdjective(words[place].text) { place -= 1 }
        return place
    }

    private func isAdjective(_ word: String) -> Bool {
        Self.adjectives.contains(word) || (word.contains("-") && !Self.unknown.contains(word))
    }

    /// `Unknown model`, `no such model`, `no models loaded`, `is not a valid model`.
    private func isDeniedBefore(_ index: Int) -> Bool {
        let place = governor(of: index)
        guard word(index) != "engine", let governor = word(place) else { return false }
        if Self.unknown.contains(governor) { return true }
        if governor == "no" { return isCounted(from: index + 1) }
        if governor == "such" { return word(place - 1) == "no" }
        guard Self.present.contains(governor) || governor == "matching" || governor == "healthy" else { return false }
        if word(place - 1) == "no" { return isCounted(from: index + 1) }
        return ["a", "an", "the"].contains(word(place - 1))
            && word(place - 2).map { Self.negations.contains($0) } == true
    }

    /// Whether `no model` before this index means that there is none of that name, and not none that can do something.
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

    private func looksLikeName(_ word: String) -> Bool {
        word.contains { $0.isNumber || "-_/:.@".contains($0) }
    }

    /// `The model x does not exist`, where the model is what the sentence is about.
    private func isDeniedBehind(_ index: Int) -> Bool {
        let place = governor(of: index)
        if let governor = word(place), Self.prepositions.contains(governor) {
            guard let head = word(place - 1), Self.heads.contains(head) else { return false }
        }
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

    private func pastName(_ index: Int) -> Int {
        guard words.indices.contains(index) else { return index }
        guard let word = word(index) else { return index + 1 }
        let isVerb = word.hasSuffix("ed") || word.hasSuffix("ing") || word == "," || Self.partsOfRequests.contains(word)
        let isName = looksLikeName(word) || !isVerb && !Self.prepositions.contains(word)
        return isName ? index + 1 : index
    }

    /// `... for this resource does not exist`.
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

    /// `Could not find model x`, `you do not have access to the model`, `not found: model x`.
    private func isSought(_ index: Int) -> Bool {
        var place = governor(of: index)
        if word(place) == "to", word(place - 1) == "access" { place -= 1 }
        guard let verb = word(place), Self.searches.contains(verb), word(index) != "engine" else { return false }
        if verb == "found" {
            // Nothing else may be what was not found.
            return word(place - 1) == "not" && (0..<place - 1).allSatisfy { isOfStatus(words[$0].text) }
        }
        return (max(0, place - 4)..<place).contains { word($0).map { Self.negations.contains($0) } == true }
    }

    /// A word that says no more than that there was an error.
    func isOfStatus(_ word: String) -> Bool {
        word.hasSuffix("error") || word.hasSuffix("exception") || word.hasPrefix("http") && !word.contains("://")
            || word.allSatisfy { $0.isNumber } || ["status", "code", "client", "not_found"].contains(word)
    }
}
