// What a client wrote, made fit for a line of the log: short, visible, and no key.

enum LogText {
    /// How much is kept of a text, in bytes.
    static let bytesMax = 256
    /// A word that begins as API keys do, and is as long as one, may be one that came into the wrong place.
    private static let keyPrefixes = [Array("fi-".utf8), Array("sk-".utf8)]
    private static let keyLengthMin = 20

    /// The text with `...` in place of what may be a key, from the fourth character of each on.
    static func withoutKeys(_ text: String) -> String {
        // Of nearly all paths and user agents.
        guard text.utf8.contains(UInt8(ascii: "-")) else { return text }
        let bytes = Array(text.utf8)
        var kept: [UInt8] = []
        var start = 0
        while start < bytes.count {
            guard isOfWord(bytes[start]) else {
                kept.append(bytes[start])
                start += 1
                continue
            }
            let word = bytes[start...].prefix(while: isOfWord)
            let isKey = word.count >= keyLengthMin && keyPrefixes.contains { word.starts(with: $0) }
            kept += isKey ? word.prefix(3) + Array("...".utf8) : word
            start = word.endIndex
        }
        return String(decoding: kept, as: UTF8.self)
    }

    /// Keys are of these; a byte of another script ends no word either.
    private static func isOfWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "_"), 128...: true
        default: false
        }
    }

    /// The beginning of a text, with what an editor would not show written as `\u{...}`.
    static func bounded(_ text: String) -> String {
        var told = ""
        for scalar in withoutKeys(text).unicodeScalars {
            let word = isVisible(scalar) ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
            guard told.utf8.count + word.utf8.count <= bytesMax else { break }
            told += word
        }
        return told
    }

    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        case .spaceSeparator: scalar == " "
        default: true
        }
    }
}
