// Prices of other programs as exact decimal numbers in USD a token.
internal import Configuration

/// Converts prices without computing in binary numbers.
enum TokenPrice {
    /// Returns the price of one token where the price of a million is given; nil where the text is no price.
    static func fromMillion(_ text: String) -> String? {
        guard let plain = perToken(text) else { return nil }
        return DecimalText.plain(plain + "e-6").map(trimmed)
    }

    /// Returns a price without an exponent and without zeros at its end; nil where the text is no price.
    static func perToken(_ text: String) -> String? {
        // Python reads .5 and 5. as numbers, which JSON does not.
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
