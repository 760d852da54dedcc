// What a client wrote, made fit for a line of the log: short, visible, and no key.

enum LogText {
    /// How much is kept of a text, in bytes.
    static let bytesMax = 256
    /// A word that begins as API keys do, and is as long as one, may be one that came into the wrong place.
    private static let keyPrefixes = ["fi-", "sk-"]
    private static let keyLengthMin = 20

    /// The beginning of a text, with what an editor would not show written as `\u{...}`.
    static func bounded(_ text: String) -> String {
        for prefix in keyPrefixes where text.hasPrefix(prefix) && text.utf8.count >= keyLengthMin {
            return prefix + "..."
        }
        var told = ""
        for scalar in text.unicodeScalars {
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
