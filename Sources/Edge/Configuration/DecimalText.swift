// Decimal numbers as text, exactly: prices of millionths of a cent that no binary number holds.

enum DecimalText {
    /// The longest number that is read, and the farthest that an exponent may move its point.
    static let digitsMax = 64

    /// A number as JSON writes it (`0.2`, `-3`, `2e-7`), without its exponent; nil for anything else.
    ///
    /// `2e-7` becomes `0.0000002`; what has no exponent stays as it is.
    static func plain(_ text: String) -> String? {
        guard isNumber(text), text.utf8.count <= digitsMax else { return nil }
        guard let mark = text.firstIndex(where: { $0 == "e" || $0 == "E" }) else { return text }
        guard let exponent = Int(text[text.index(after: mark)...]), abs(exponent) <= digitsMax else { return nil }
        let isNegative = text.hasPrefix("-")
        let parts = text[..<mark].drop { $0 == "-" }.split(separator: ".")
        var digits = parts.joined()
        // Where the point stands among the digits.
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

    /// Whether a number, without an exponent, is not below a power of ten: `10 ^ power` with `power` below 0.
    static func reaches(_ plain: String, tenToThe power: Int) -> Bool {
        guard !plain.hasPrefix("-") else { return false }
        let parts = plain.split(separator: ".", omittingEmptySubsequences: false)
        if parts[0].contains(where: { $0 != "0" }) { return true }
        return parts.count > 1 && parts[1].prefix(-power).contains { $0 != "0" }
    }

    /// A number as JSON writes it.
    static func isNumber(_ text: String) -> Bool {
        var rest = text.utf8[...]
        func digits() -> Int {
            let count = rest.prefix { (0x30...0x39).contains($0) }.count
            rest = rest.dropFirst(count)
            return count
        }
        if rest.first == 0x2D { rest = rest.dropFirst() }
        let isZeroFirst = rest.first == 0x30
        let whole = digits()
        guard whole > 0, !(isZeroFirst && whole > 1) else { return false }
        if rest.first == 0x2E {
            rest = rest.dropFirst()
            if digits() == 0 { return false }
        }
        if rest.first == 0x65 || rest.first == 0x45 {
            rest = rest.dropFirst()
            if rest.first == 0x2B || rest.first == 0x2D { rest = rest.dropFirst() }
            if digits() == 0 { return false }
        }
        return rest.isEmpty
    }
}
