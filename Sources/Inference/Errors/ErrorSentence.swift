// One sentence of an engine's error message as a list of words, so that rules can look at its grammar.

/// One sentence of a message, in lower case.
struct ErrorSentence {
    struct Word: Equatable {
        /// The word without the quotation marks, brackets and punctuation around it; `,` is a word of its own.
        var text: String
        /// Whether the word stood in quotation marks.
        ///
        /// A quoted word is a name, such as a model's id, so `has` and `word` ignore it.
        var isQuoted = false
        /// Whether a colon or an equals sign stands before the word, as in `unknown model: x`.
        var isAfterColon = false
    }

    let words: [Word]
    /// All words, with one space between two words and at each end, so that a search for ` word ` finds only whole
    /// words.
    let text: String

    /// Makes a sentence from its words.
    init(words: [Word]) {
        self.words = words
        text = words.reduce(into: " ") { $0 += $1.text + " " }
    }

    /// The sentences of the first 4096 characters of a message.
    static func sentences(of message: String) -> [ErrorSentence] {
        var reader = SentenceTokenizer(message.prefix(4096).lowercased().map { $0 == "\u{2019}" ? "'" : $0 })
        return reader.run()
    }

    /// The word at this index; nil for a quoted word, and for an index outside of the sentence.
    func word(_ index: Int) -> String? {
        guard words.indices.contains(index), !words[index].isQuoted else { return nil }
        return words[index].text
    }

    /// Whether one of these words is in the sentence, outside of quotation marks.
    func has(_ vocabulary: Set<String>) -> Bool { words.contains { !$0.isQuoted && vocabulary.contains($0.text) } }

    /// Whether one of these phrases is in the sentence, quoted or not.
    func says(_ phrases: [String]) -> Bool { phrases.contains { text.contains($0) } }

    // MARK: Predicates that deny their subject

    static let negations: Set<String> = [
        "not", "no", "never", "isn't", "wasn't", "aren't", "doesn't", "don't", "didn't", "couldn't", "cannot", "can't",
        "hasn't", "haven't", "without", "unable", "failed", "won't",
    ]
    /// Words that may stand between a negation and the word that it negates.
    private static let auxiliaries: Set<String> = [
        "is", "was", "are", "were", "be", "been", "being", "has", "have", "had", "does", "do", "did", "could", "can",
        "may",
        "might", "seem", "seems", "appear", "appears", "to", "currently", "yet", "longer", "a", "either", "it", "that",
        "which", "you", "requested", "specified", "provided", "selected", "since", "now", "already",
    ]
    /// Predicates that say that something can be used; after a negation, they say the opposite.
    static let present: Set<String> = [
        "found", "exist", "exists", "available", "loaded", "served", "deployed", "installed", "registered",
        "configured",
        "known", "recognized", "recognised", "supported", "valid", "accessible", "enabled", "active", "hosted",
        "downloaded", "present", "running", "provisioned", "listed", "defined", "allowed", "permitted", "serving",
        "located", "resolved", "identified", "accessed", "offered",
    ]
    /// Predicates that say that something cannot be used.
    private static let absent: Set<String> = [
        "missing", "unknown", "invalid", "unavailable", "unsupported", "retired", "deprecated", "decommissioned",
        "removed",
        "deleted", "discontinued", "disabled", "unloaded", "unrecognized", "unrecognised", "nonexistent",
        "non-existent",
        "inaccessible", "sunset", "archived", "not_found", "notfound", "undeployed",
    ]
    /// Predicates that may stand before a noun as adjectives, as in `an unknown problem`.
    private static let alsoBeforeNouns: Set<String> = ["missing", "unknown", "invalid", "unsupported", "unrecognized"]
    /// Predicates that do not always say that the model itself cannot be used.
    ///
    /// For example, `not supported with tools` says only that the model lacks an ability.
    private static let ofAbilities: Set<String> = [
        "supported", "unsupported", "available", "unavailable", "enabled", "disabled", "valid", "invalid", "allowed",
        "permitted", "active", "accessible",
    ]
    /// Words that begin a restriction after a predicate, as `with` does in `not supported with tools`.
    private static let restrictions: Set<String> = [
        "for", "with", "in", "when", "while", "as", "via", "through", "using", "to", "unless", "without", "if", "by",
        "under", "on", "at",
    ]
    /// Nouns for what all requests share, such as the server or the account.
    ///
    /// `The model is not available on this server` denies the model to every request. `The model is not available with
    /// tools` does not, because `tools` is not such a noun.
    private static let operators: Set<String> = [
        "server", "account", "region", "project", "organization", "organisation", "team", "location", "plan", "tier",
        "key",
        "version", "subscription", "instance", "cluster", "workspace", "country", "platform", "provider", "deployment",
        "service", "host", "node", "user", "users", "customers", "you", "throughput", "on-demand", "moment",
    ]

    /// Whether the predicate that begins at this index says that its subject does not exist or cannot be used, as
    /// `could not be found` and `has been retired` do.
    ///
    /// - Parameter phrase: The range of the words between the subject and the predicate. Such words, for example `with
    ///   streaming`, restrict what the predicate says.
    func denies(at index: Int, behind phrase: Range<Int> = 0..<0) -> Bool {
        guard let (index, isNegated) = headOfPredicate(from: index), let head = word(index) else { return false }
        if let decided = deniesIdiomatically(head, at: index, isNegated: isNegated) { return decided }
        guard (isNegated ? Self.present : Self.absent).contains(head) else { return false }
        if !isNegated, Self.alsoBeforeNouns.contains(head), let next = word(index + 1) {
            // `The model has an unknown problem` does not say that the model is unknown.
            guard [",", "or", "and"].contains(next) || Self.restrictions.contains(next) else { return false }
        }
        guard Self.ofAbilities.contains(head) else { return true }
        if !phrase.isEmpty { return namesOperators(phrase) }
        guard let next = word(index + 1), Self.restrictions.contains(next) else { return true }
        return namesOperators(index + 2..<index + 7)
    }

    /// Skips auxiliaries and negations from this index on, such as `has not been` in `has not been found`.
    ///
    /// - Returns: the index of the word after them, and whether a negation was skipped; nil if a quoted word or the end
    ///   of the sentence comes first.
    private func headOfPredicate(from index: Int) -> (index: Int, isNegated: Bool)? {
        var index = index
        var isNegated = false
        for _ in 0..<8 {
            guard let word = word(index) else { return nil }
            if Self.negations.contains(word) {
                isNegated = true
            } else if !Self.auxiliaries.contains(word) {
                break
            }
            index += 1
        }
        return (index, isNegated)
    }

    /// Whether the sentence has an idiom which says that its subject cannot be used, such as `reached its end of life`.
    ///
    /// - Parameter head: The first word of the idiom.
    /// - Returns: nil if no idiom begins with this word.
    private func deniesIdiomatically(_ head: String, at index: Int, isNegated: Bool) -> Bool? {
        switch head {
        case "match" where isNegated: word(index + 1) == "any"
        case "in" where isNegated: has(["list", "catalog", "registry"])
        case "requires": word(index + 1) == "terms"
        case "reached": text.contains(" end of life ") || text.contains(" end-of-life ")
        default: nil
        }
    }

    /// Whether the range has a noun of `operators`, such as `server` or `account`, before the first comma.
    private func namesOperators(_ range: Range<Int>) -> Bool {
        for index in range.clamped(to: words.indices) {
            if words[index].text == "," { return false }
            if Self.operators.contains(words[index].text) { return true }
        }
        return false
    }
}
