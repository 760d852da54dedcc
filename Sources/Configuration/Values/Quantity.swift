// Durations, sizes and counts as a configuration writes them: a whole number and its unit.
internal import Transport

/// Parses and prints durations, sizes and counts.
enum Quantity {
    private static let durationUnits = [
        ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
    ]
    private static let sizeUnits = [("", 1), ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)]

    /// Parses `250ms`, `10s` or `5m`; nil without a known unit, or if the nanoseconds overflow an `Int`.
    static func duration(_ text: String) -> Duration? {
        scaled(text, by: durationUnits).map { .nanoseconds($0) }
    }

    /// Parses `64MiB`, `256KiB` or a number of bytes without a unit; nil for an unknown unit or an overflow.
    static func size(_ text: String) -> Int? {
        scaled(text, by: sizeUnits)
    }

    /// Parses decimal digits after an optional minus sign.
    ///
    /// The sign is accepted so that the error for a negative number says that the number is out of range.
    static func count(_ text: String) -> Int? {
        let digits = text.utf8.first == 0x2D ? text.utf8.dropFirst() : text.utf8[...]
        guard !digits.isEmpty, digits.allSatisfy(\.isDigit) else { return nil }
        return Int(text)
    }

    /// Prints a duration in the largest unit in which it is a whole number.
    static func text(_ duration: Duration) -> String {
        largest(duration.inNanoseconds, of: durationUnits, zero: "0s")
    }

    /// Prints a size in the largest unit in which it is a whole number.
    static func text(bytes: Int) -> String {
        largest(bytes, of: sizeUnits, zero: "0")
    }

    private static func scaled(_ text: String, by units: [(String, Int)]) -> Int? {
        let unitStart = text.firstIndex { !("0"..."9").contains($0) && $0 != "-" } ?? text.endIndex
        guard let number = count(String(text[..<unitStart])),
            let scale = units.first(where: { $0.0 == text[unitStart...] })?.1
        else { return nil }
        let (product, isTooLarge) = number.multipliedReportingOverflow(by: scale)
        return isTooLarge ? nil : product
    }

    private static func largest(_ value: Int, of units: [(String, Int)], zero: String) -> String {
        if value == 0 { return zero }
        let (name, scale) = units.last { value % $0.1 == 0 } ?? ("ns", 1)
        return "\(value / scale)\(name)"
    }
}
