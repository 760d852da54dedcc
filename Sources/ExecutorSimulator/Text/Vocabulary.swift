// Text made of hashes: the same prompt and seed give the same words, and each word can be had without those before it.

/// The words that the simulated model knows.
///
/// Some have more than one byte a character, one needs an escape in JSON.
package struct Vocabulary: Sendable {
    private static let words = """
        the of and to in a is that for it as was with be by on not he his but at are this have from or had an they \
        which one you were her all she there would their we him been has when who will more no if out so said what \
        up its about into than them can only other new some could time these two may then do first any my now such \
        like our over man me even most made after also did many before must through years where much your way well \
        café naïve Zürich señor 日本 東京 тест नमस्ते 🙂 "quoted" back\\slash token stream executor gateway
        """

    /// Each word as it stands inside a JSON string, without and with a space before it.
    private let first: [[UInt8]]
    private let following: [[UInt8]]
    private let texts: [String]

    package init() {
        texts = Self.words.split(separator: " ").map(String.init)
        first = texts.map(JSONText.escaped)
        following = first.map { [0x20] + $0 }
    }

    /// The token at a place of the text that `key` names, as it stands inside a JSON string.
    package func token(_ index: Int, key: UInt64) -> [UInt8] {
        let word = Self.word(index, key: key, of: texts.count)
        return index == 0 ? first[word] : following[word]
    }

    /// The text of some tokens of the text that `key` names.
    package func text(_ range: Range<Int>, key: UInt64) -> String {
        var text = ""
        for index in range {
            if index > 0 { text.append(" ") }
            text.append(texts[Self.word(index, key: key, of: texts.count)])
        }
        return text
    }

    /// How many tokens a text has: each has one word.
    package static func count(_ text: String) -> Int {
        var count = 0
        var isInside = false
        for byte in text.utf8 {
            let isSpace = byte == 0x20 || byte == 0x0A || byte == 0x09 || byte == 0x0D
            if !isSpace, !isInside { count += 1 }
            isInside = !isSpace
        }
        return count
    }

    private static func word(_ index: Int, key: UInt64, of count: Int) -> Int {
        Int(truncatingIfNeeded: Hash.mix(key &+ UInt64(truncatingIfNeeded: index)) % UInt64(count))
    }
}

/// Hashes that are the same in every process: Swift's own are seeded anew in each.
package struct Hash {
    /// FNV-1a of everything put in.
    package private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    package init() {}

    package mutating func add(_ text: String) {
        for byte in text.utf8 { add(byte) }
        add(UInt8(0))
    }
    package mutating func add(_ number: Int) {
        for shift in stride(from: 0, to: 64, by: 8) { add(UInt8(truncatingIfNeeded: number >> shift)) }
    }
    private mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }

    /// The finalizer of splitmix64.
    package static func mix(_ number: UInt64) -> UInt64 {
        var mixed = number &* 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
