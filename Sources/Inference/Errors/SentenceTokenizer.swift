// Cuts the message of an error into sentences and words.

/// Reads a message once, character by character, and collects its sentences.
struct SentenceTokenizer {
    /// Opening quotation marks, each with the mark that closes it.
    private static let quotationMarks: [Character: Character] = [
        "\"": "\"", "'": "'", "`": "`", "\u{201C}": "\u{201D}", "\u{2018}": "\u{2019}",
    ]
    /// Keys of JSON objects and Python dictionaries whose values are sentences.
    ///
    /// Engines' messages may contain such texts, for example `{'message': 'too long'}`. The quoted value of any other
    /// key counts as the name of a thing, such as a model.
    private static let messageKeys: Set<String> = ["message", "error", "detail", "msg", "reason", "description"]
    /// The largest length of a quoted name, in characters.
    private static let nameMax = 256

    private let text: [Character]
    /// The index of the next character.
    private var index = 0
    /// The word that is being read.
    private var word = ""
    private var isAfterColon = false
    /// The words of the sentence that is being read.
    private var words: [ErrorSentence.Word] = []
    private var sentences: [ErrorSentence] = []

    /// Makes a tokenizer for a message in lower case.
    init(_ text: [Character]) { self.text = text }

    /// Reads the whole message.
    mutating func run() -> [ErrorSentence] {
        while index < text.count { step() }
        endSentence()
        return sentences
    }

    /// Reads one character, or one quoted name.
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
        case ":", "=": readColon(character)
        case ",":
            endWord()
            words.append(ErrorSentence.Word(text: ","))
        case "'":
            if isApostrophe { word.append(character) } else { endWord() }
        case "(", ")", "[", "]", "{", "}", "<", ">", "\\", "\"", "`", "\u{201C}", "\u{201D}", "\u{2018}": endWord()
        default:
            if character.isWhitespace { endWord() } else { word.append(character) }
        }
    }

    /// Reads a colon or an equals sign.
    ///
    /// The sign ends a word, unless it is a colon within a word.
    private mutating func readColon(_ character: Character) {
        guard character == "=" || word.isEmpty || endsHere(index) else {
            word.append(character)
            return
        }
        endWord()
        isAfterColon = true
    }

    /// Whether the `'` that has just been read is an apostrophe: a word has begun before it, and a letter follows it.
    private var isApostrophe: Bool { !word.isEmpty && index < text.count && text[index].isLetter }

    /// Whether a punctuation mark just before this index ends a word or a sentence.
    ///
    /// The mark ends a word or a sentence if nothing, a space, a closing quotation mark or bracket, a backslash, or one
    /// of `.!?` follows it.
    private func endsHere(_ index: Int) -> Bool {
        index >= text.count || text[index].isWhitespace || ".!?\"'`)]}\\".contains(text[index])
    }

    /// The index of the quotation mark that closes a quoted name, if the current character opens one.
    ///
    /// - Parameter mark: the closing mark that belongs to the current character; nil if the current character is no
    ///   opening quotation mark.
    /// - Returns: nil if the current character opens no quoted name, for example because a whole sentence is quoted.
    private func endOfName(closedBy mark: Character?) -> Int? {
        guard let mark else { return nil }
        let rest = text[(index + 1)...].prefix(Self.nameMax)
        let end = rest.indices.first { index in
            // An apostrophe within a name does not end the name.
            rest[index] == mark && (mark != "'" || index + 1 >= text.count || !text[index + 1].isLetter)
        }
        guard let end, end > index + 1, !text[index + 1..<end].contains("\n") else { return nil }
        let spaces = text[index + 1..<end].count { $0 == " " }
        return spaces >= 2 && beginsMessage ? nil : end
    }

    /// Whether a quotation that begins at the current index may be a whole message and not only a name.
    ///
    /// The result is true at the beginning of the text, and after a key such as `message:`.
    private var beginsMessage: Bool {
        let isFirst = words.isEmpty && sentences.isEmpty
        return isFirst || isAfterColon && words.last.map { Self.messageKeys.contains($0.text) } == true
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
