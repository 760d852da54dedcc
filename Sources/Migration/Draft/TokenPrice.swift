// Converts prices of other programs to exact decimal numbers in USD per token.
internal import Configuration

/// Converts prices in USD as decimal texts, because a `Double` cannot represent most prices exactly.
enum TokenPrice {
    /// Returns the price of one token from the price of a million tokens; nil if the text is not a price.
    static func fromMillion(_ text: String) -> String? {
        guard let plain = perToken(text) else { return nil }
        return DecimalText.plain(plain + "e-6").map(trimmed)
    }

    /// Returns a price without an exponent and without zeros at the end of its fraction; nil if the text is not a
    /// price.
    static func perToken(_ text: String) -> String? {
        // Python reads `.5` and `5.` as numbers, but JSON does not allow these forms.
        var spelled = text.hasPrefix(".") ? "0" + text : text
        if spelled.hasSuffix(".") { spelled.removeLast() }
        guard let plain = DecimalText.plain(spelled), !plain.hasPrefix("-") else { return nil }
        return trimmed(plain)
    }

    private static func trimmed(_ plain: String) -> String {
        guard plain.contains(".") else { return plain }
        var result = plain[...]
        while result.hasSuffix("0") { result = result.dropLast() }
        if result.hasSuffix(".") { result = result.dropLast() }
        return String(result)
    }
}
