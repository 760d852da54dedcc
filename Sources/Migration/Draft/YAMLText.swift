// Writes scalars, lists and comments in YAML.

/// Writes texts so that a YAML parser and this server's configuration reader read them back unchanged.
enum YAMLText {
    /// Returns a text as a YAML scalar: in double quotes if a part of the text could be syntax, otherwise plain.
    static func scalar(_ text: String) -> String { isPlain(text) ? text : quoted(text) }

    /// Returns a flow list such as `[a, "b c"]`.
    static func list(_ texts: [String]) -> String { "[" + texts.map(scalar).joined(separator: ", ") + "]" }

    /// Returns a text in a form that is valid in a comment: one line of at most 200 scalars, without control
    /// characters.
    static func comment(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(200) {
            result.append(isPrintable(scalar) ? scalar : "\u{FFFD}")
        }
        return String(result)
    }

    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last, text.utf8.count <= 1024 else { return false }
        func isWord(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: false
            }
        }
        let reserved: Set<String> = ["null", "true", "false", "yes", "no", "on", "off"]
        return isWord(first) && last != UInt8(ascii: ":") && !reserved.contains(text.lowercased())
            && text.utf8.allSatisfy { isWord($0) || "._-/:+@".utf8.contains($0) }
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            default:
                if isPrintable(scalar) {
                    result.unicodeScalars.append(scalar)
                } else {
                    let digits = String(scalar.value, radix: 16)
                    let width = scalar.value > 0xFFFF ? 8 : 4
                    result += width == 8 ? "\\U" : "\\u"
                    result += String(repeating: "0", count: width - digits.count) + digits
                }
            }
        }
        return result + "\""
    }

    /// Whether YAML allows the character in a quoted text (YAML 1.2.2, section 5.1), and no YAML parser reads it as a
    /// line end.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x20...0x7E, 0xA0...0x2027, 0x202A...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD: true
        case 0x10000...0x10FFFF: scalar.value & 0xFFFE != 0xFFFE
        default: false
        }
    }
}
