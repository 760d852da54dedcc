// Generates the text of the simulated model. The same prompt and seed always give the same words. Each word is computed
// from its position alone, without the words before it.

/// The words that the simulated model generates.
///
/// Some words have characters of several bytes, and some need escapes in JSON.
package struct Vocabulary: Sendable {
    private static let words = """
        the of and to in a is that for it as was with be by on not he his but at are this have from or had an they \
        which one you were her all she there would their we him been has when who will more no if out so said what \
        up its about into than them can only other new some could time these two may then do first any my now such \
        like our over man me even most made after also did many before must through years where much your way well \
        café naïve Zürich señor 日本 東京 тест नमस्ते 🙂 "quoted" back\\slash token stream executor gateway
        """

    /// The form of each word at the beginning of a text, escaped for JSON.
    private let first: [[UInt8]]
    /// The form of each word within a text, which has a space before the word; escaped for JSON.
    private let following: [[UInt8]]
    private let texts: [String]

    /// Makes the vocabulary, and prepares each word for JSON.
    package init() {
        texts = Self.words.split(separator: " ").map(String.init)
        first = texts.map(JSONText.escaped)
        following = first.map { [0x20] + $0 }
    }

    /// Returns the word at position `index` of a text, escaped for JSON.
    ///
    /// The number `key` determines the text. Each word has a space before it, except for the first word of the text.
    package func token(_ index: Int, key: UInt64) -> [UInt8] {
        let word = Self.word(index, key: key, of: texts.count)
        return index == 0 ? first[word] : following[word]
    }

    /// Returns the words at the positions `range` of a text.
    ///
    /// The number `key` determines the text. Each word has a space before it, except for the first word of the text.
    package func text(_ range: Range<Int>, key: UInt64) -> String {
        var text = ""
        for index in range {
            if index > 0 { text.append(" ") }
            text.append(texts[Self.word(index, key: key, of: texts.count)])
        }
        return text
    }

    /// The number of tokens in a text; the simulated model counts each word as one token.
    package static func count(_ text: String) -> Int {
        var count = 0
        var isInside = false
        for byte in text.utf8 {
            let isSpace = Self.isSpace(byte)
            if !isSpace, !isInside { count += 1 }
            isInside = !isSpace
        }
        return count
    }

    /// Whether a byte separates words.
    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x09 || byte == 0x0D }

    /// Returns which word of the vocabulary is at position `index` of the text that the number `key` determines.
    ///
    /// - Parameter count: the number of words in the vocabulary.
    /// - Returns: the index of the word in the vocabulary.
    private static func word(_ index: Int, key: UInt64, of count: Int) -> Int {
        Int(truncatingIfNeeded: Hash.mix(key &+ UInt64(truncatingIfNeeded: index)) % UInt64(count))
    }
}
