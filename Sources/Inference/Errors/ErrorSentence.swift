// The message of an engine's error, cut into sentences and words, so that rules can look at grammar and not at letters.

/// One sentence of a message, in lower case.
struct ErrorSentence {
    struct Word: Equatable {
        /// The word without the quotation marks, brackets and punctuation around it; `,` is a word of its own.
        var text: String
        /// The word stood in quotation marks: it is a name, and none of the words that the rules know.
        var isQuoted = false
        /// A colon or an equals sign stands before the word, as in `unknown model: x`.
        var isAfterColon = false
    }

    let words: [Word]
    /// All words with one space between them, and one at each end.
    let text: String

    init(words: [Word]) {
        self.words = words
        text = words.reduce(into: " ") { $0 += $1.text + " " }
    }

    /// The sentences of the first 4096 characters of a message.
    static func sentences(of message: String) -> [ErrorSentence] {
        var reader = SentenceReader(message.prefix(4096).lowercased().map { $0 == "\u{2019}" ? "'" : $0 })
        return reader.run()
    }

    /// The word at this index; nil for a quoted one, and outside of the sentence.
    func word(_ index: Int) -> String? {
        guard words.indices.contains(index), !words[index].isQuoted else { return nil }
        return words[index].text
    }

    /// Whether one of these words is in the sentence, outside of quotation marks.
    func has(_ vocabulary: Set<String>) -> Bool { words.contains { !$0.isQuoted && vocabulary.contains($0.text) } }

    /// Whether one of these phrases is in the sentence, quoted or not.
    func says(_ phrases: [String]) -> Bool { phrases.contains { text.contains($0) } }

    // MARK: Whether something is there

    static let negations: Set<String> = [
        "not", "no", "never", "isn't", "wasn't", "aren't", "doesn't", "don't", "didn't", "couldn't", "cannot", "can't",
        "hasn't", "haven't", "without", "unable", "failed", "won't",
    ]
    private static let auxiliaries: Set<String> = [
        "is", "was", "are", "were", "be", "been", "being", "has", "have", "had", "does", "do", "did", "could", "can",
        "may",
        "might", "seem", "seems", "appear", "appears", "to", "currently", "yet", "longer", "a", "either", "it", "that",
        "which", "you", "requested", "specified", "provided", "selected", "since", "now", "already",
    ]
    /// What something is that can be used; the opposite of it behind a negation.
    static let present: Set<String> = [
        "found", "exist", "exists", "available", "loaded", "served", "deployed", "installed", "registered",
        "configured",
        "known", "recognized", "recognised", "supported", "valid", "accessible", "enabled", "active", "hosted",
        "downloaded", "present", "running", "provisioned", "listed", "defined", "allowed", "permitted", "serving",
        "located", "resolved", "identified", "accessed", "offered",
    ]
    private static let absent: Set<String> = [
        "missing", "unknown", "invalid", "unavailable", "unsupported", "retired", "deprecated", "decommissioned",
        "removed",
        "deleted", "discontinued", "disabled", "unloaded", "unrecognized", "unrecognised", "nonexistent",
        "non-existent",
        "inaccessible", "sunset", "archived", "not_found", "notfound", "undeployed",
    ]
    private static let alsoBeforeNouns: Set<String> = ["missing", "unknown", "invalid", "unsupported", "unrecognized"]
    /// Words that are also said of what a model cannot do: `not supported with tools`.
    private static let ofAbilities: Set<String> = [
        "supported", "unsupported", "available", "unavailable", "enabled", "disabled", "valid", "invalid", "allowed",
        "permitted", "active", "accessible",
    ]
    private static let restrictions: Set<String> = [
        "for", "with", "in", "when", "while", "as", "via", "through", "using", "to", "unless", "without", "if", "by",
        "under", "on", "at",
    ]
    /// What belongs to the operator: a model that is not available there is not available for any request.
    private static let operators: Set<String> = [
        "server", "account", "region", "project", "organization", "organisation", "team", "location", "plan", "tier",
        "key",
        "version", "subscription", "instance", "cluster", "workspace", "country", "platform", "provider", "deployment",
        "service", "host", "node", "user", "users", "customers", "you", "throughput", "on-demand", "moment",
    ]

    /// Whether a predicate begins at this index that says that its subject is not there: `could not be found`, `has been
    /// retired`.
    ///
    /// - Parameter phrase: What stands between the subject and the predicate: `with streaming` restricts what is said.
    func denies(at index: Int, behind phrase: Range<Int> = 0..<0) -> Bool {
        var index = index
        var isNegated = false
        for _ in 0..<8 {
            guard let word = word(index) else { return false }
            if Self.negations.contains(word) {
                isNegated = true
            } else if !Self.auxiliaries.contains(word) {
                break
            }
            index += 1
        }
        guard let head = word(index) else { return false }
        if isNegated, head == "match" { return word(index + 1) == "any" }
        if isNegated, head == "in" { return has(["list", "catalog", "registry"]) }
        if head == "requires" { return word(index + 1) == "terms" }
        if head == "reached" { return text.contains(" end of life ") || text.contains(" end-of-life ") }
        guard (isNegated ? Self.present : Self.absent).contains(head) else { return false }
        if !isNegated, Self.alsoBeforeNouns.contains(head), let next = word(index + 1) {
            // `The model has an unknown problem` says nothing of the model itself.
            guard next == "," || next == "or" || next == "and" || Self.restrictions.contains(next) else { return false }
        }
        guard Self.ofAbilities.contains(head) else { return true }
        if !phrase.isEmpty { return namesOperators(phrase) }
        guard let next = word(index + 1), Self.restrictions.contains(next) else { return true }
        return namesOperators(index + 2..<index + 7)
    }

    private func namesOperators(_ range: Range<Int>) -> Bool {
        for index in range.clamped(to: words.indices) {
            if words[index].text == "," { return false }
            if Self.operators.contains(words[index].text) { return true }
        }
        return false
    }
}

/// Goes through a message once.
private struct SentenceReader {
    private static let quotationMarks: [Character: Character] = [
        "\"": "\"", "'": "'", "`": "`", "\u{201C}": "\u{201D}", "\u{2018}": "\u{2019}",
    ]
    /// Members of JSON and of Python's dictionaries whose value is a sentence, and no name.
    private static let messageKeys: Set<String> = ["message", "error", "detail", "msg", "reason", "description"]
    private static let nameMax = 256

    private let text: [Character]
    private var index = 0
    private var word = ""
    private var isAfterColon = false
    private var words: [ErrorSentence.Word] = []
    private var sentences: [ErrorSentence] = []

    init(_ text: [Character]) { self.text = text }

    mutating func run() -> [ErrorSentence] {
        while index < text.count { step() }
        endSentence()
        return sentences
    }

    private mutating func step() {
        let character = text[index]
        if word.isEmpty, let end = endOfName(closedBy: Self.quotationMarks[character]) {
            let name = String(text[index + 1..<end])
            words.append(ErrorSentence.Word(text: name, isQuoted: true, isAfterColon: isAfterColon))
            isAfterColon = false
            index = end + 1
            return
        }
        index += 1
        switch character {
        case "\n": endSentence()
        case ".", "!", "?", ";":
            if endsHere(index) { endSentence() } else { word.append(character) }
        case ":", "=":
            if character == "=" || word.isEmpty || endsHere(index) {
                endWord()
                isAfterColon = true
            } else {
                word.append(character)
            }
        case ",":
            endWord()
            words.append(ErrorSentence.Word(text: ","))
        case "'":
            // Within a word, an apostrophe.
            let isInside = !word.isEmpty && index < text.count && text[index].isLetter
            if isInside { word.append(character) } else { endWord() }
        case "(", ")", "[", "]", "{", "}", "<", ">", "\\", "\"", "`", "\u{201C}", "\u{201D}", "\u{2018}": endWord()
        default:
            if character.isWhitespace { endWord() } else { word.append(character) }
        }
    }

    /// Whether a mark before this index ends something: a space or a closing mark follows, or nothing.
    private func endsHere(_ index: Int) -> Bool {
        index >= text.count || text[index].isWhitespace || ".!?\"'`)]}\\".contains(text[index])
    }

    /// Where a quoted name ends that begins here; nil where there is none, and where it is a whole sentence.
    private func endOfName(closedBy mark: Character?) -> Int? {
        guard let mark else { return nil }
        let rest = text[(index + 1)...].prefix(Self.nameMax)
        let end = rest.indices.first { place in
            // An apostrophe within a name is no end of it.
            rest[place] == mark && (mark != "'" || place + 1 >= text.count || !text[place + 1].isLetter)
        }
        guard let end, end > index + 1, !text[index + 1..<end].contains("\n") else { return nil }
        let spaces = text[index + 1..<end].count { $0 == " " }
        let isFirst = words.isEmpty && sentences.isEmpty
        let isMessage = isAfterColon && words.last.map { Self.messageKeys.contains($0.text) } == true
        return spaces >= 2 && (isFirst || isMessage) ? nil : end
    }

    private mutating func endWord() {
        if word.contains(where: { $0.isLetter || $0.isNumber || $0 == "/" }) {
            words.append(ErrorSentence.Word(text: word, isAfterColon: isAfterColon))
            isAfterColon = false
        }
        word = ""
    }

    private mutating func endSentence() {
        endWord()
        if !words.isEmpty { sentences.append(ErrorSentence(words: words)) }
        words = []
        isAfterColon = false
    }
}
