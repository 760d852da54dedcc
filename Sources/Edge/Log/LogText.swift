// Prepares text from clients for a log line: shortens it, escapes invisible characters, and removes API keys.

/// Prepares text from clients for the log.
enum LogText {
    /// The longest text that `bounded` returns, in bytes.
    static let bytesMax = 256
    /// A word with one of these prefixes and at least `keyLengthMin` bytes is treated as an API key that a client sent
    /// in the wrong field.
    private static let keyPrefixes = [Array("fi-".utf8), Array("sk-".utf8)]
    private static let keyLengthMin = 20

    /// Returns the text with `...` in place of all but the first three characters of every word that may be an API key.
    static func withoutKeys(_ text: String) -> String {
        // Each API key contains a hyphen, so a text without a hyphen is returned without a copy.
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

    /// Whether a byte belongs to a word: a letter, a digit, `-`, `_`, or a byte of a character beyond ASCII.
    private static func isOfWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "_"), 128...: true
        default: false
        }
    }

    /// Returns the text without API keys, with invisible characters as `\u{...}`, cut to `bytesMax` bytes.
    static func bounded(_ text: String) -> String {
        var result = ""
        for scalar in withoutKeys(text).unicodeScalars {
            let word = isVisible(scalar) ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
            guard result.utf8.count + word.utf8.count <= bytesMax else { break }
            result += word
        }
        return result
    }

    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        case .spaceSeparator: scalar == " "
        default: true
        }
    }
}
