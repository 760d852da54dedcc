// Decimal numbers that are kept as text, because binary numbers cannot represent prices such as 0.0000002 exactly.
internal import Transport

/// Checks and rewrites decimal numbers without computing with them.
package enum DecimalText {
    /// The largest length of a number in bytes, and the largest exponent, positive or negative.
    static let digitsMax = 64

    /// Rewrites a JSON number such as `2e-7` without an exponent.
    ///
    /// `2e-7` becomes `0.0000002`, and a number without an exponent is returned unchanged. The result is nil for any
    /// other text, for a number of more than `digitsMax` bytes, and for an exponent above `digitsMax`.
    package static func plain(_ text: String) -> String? {
        guard isNumber(text), text.utf8.count <= digitsMax else { return nil }
        guard let mark = text.firstIndex(where: { $0 == "e" || $0 == "E" }) else { return text }
        guard let exponent = Int(text[text.index(after: mark)...]), abs(exponent) <= digitsMax else { return nil }
        let isNegative = text.hasPrefix("-")
        let parts = text[..<mark].drop { $0 == "-" }.split(separator: ".")
        var digits = parts.joined()
        // The number of digits before the decimal point once the exponent is applied; 0 or negative for a small number.
        var point = parts[0].count + exponent
        if point < 1 {
            digits = String(repeating: "0", count: 1 - point) + digits
            point = 1
        }
        if point > digits.count { digits += String(repeating: "0", count: point - digits.count) }
        var whole = digits.prefix(point).drop { $0 == "0" }
        if whole.isEmpty { whole = "0" }
        let fraction = digits.dropFirst(point)
        return (isNegative ? "-" : "") + whole + (fraction.isEmpty ? "" : "." + fraction)
    }

    /// Whether a decimal number without an exponent is at least 10 to the power of `power`, which must be negative.
    static func reaches(_ plain: String, tenToThe power: Int) -> Bool {
        guard !plain.hasPrefix("-") else { return false }
        let parts = plain.split(separator: ".", omittingEmptySubsequences: false)
        if parts[0].contains(where: { $0 != "0" }) { return true }
        return parts.count > 1 && parts[1].prefix(-power).contains { $0 != "0" }
    }

    /// Whether a text is a number by the rules of JSON (RFC 8259, section 6).
    static func isNumber(_ text: String) -> Bool {
        var rest = text.utf8[...]
        func digits() -> Int {
            let count = rest.prefix(while: \.isDigit).count
            rest = rest.dropFirst(count)
            return count
        }
        func take(_ bytes: UInt8...) -> Bool {
            guard let first = rest.first, bytes.contains(first) else { return false }
            rest = rest.dropFirst()
            return true
        }
        _ = take(0x2D)
        let isZeroFirst = rest.first == 0x30
        let whole = digits()
        guard whole > 0, !(isZeroFirst && whole > 1) else { return false }
        if take(0x2E), digits() == 0 { return false }
        if take(0x65, 0x45) {
            _ = take(0x2B, 0x2D)
            if digits() == 0 { return false }
        }
        return rest.isEmpty
    }
}
