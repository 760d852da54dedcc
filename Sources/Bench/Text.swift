// Formats the numbers of reports, and the columns of their tables, without Foundation.

/// Formats numbers and columns of a text table, and rounds numbers for JSON.
enum Text {
    /// The number, rounded to three decimal places.
    static func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }

    /// The text of a number with `digits` decimal places.
    static func fixed(_ value: Double, digits: Int) -> String {
        var scale = 1
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int((value.magnitude * Double(scale)).rounded())
        let sign = value < 0 && scaled != 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(scaled)" }
        let fraction = String(scaled % scale)
        return "\(sign)\(scaled / scale)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }

    /// The text, padded with trailing spaces to `width` characters.
    static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// The text, padded with leading spaces to `width` characters.
    static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
