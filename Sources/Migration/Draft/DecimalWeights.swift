// Converts decimal weights to whole numbers in the same proportion, because this server's configuration requires whole
// numbers.
internal import Configuration
internal import Transport

/// Converts weights such as 0.7 and 0.3 to 7 and 3.
enum DecimalWeights {
    /// The largest weight that a configuration may have.
    static let weightMax = 1_000_000

    /// Returns whole numbers from 0 to `weightMax` that have the same proportion as `texts`, as exactly as `weightMax`
    /// allows.
    ///
    /// A weight above 0 does not become 0.
    ///
    /// - Returns: nil if a text is not a number of 0 or more, or if a number has too many digits.
    static func whole(_ texts: [String]) -> [Int]? {
        var parts: [(digits: String, decimals: Int)] = []
        for text in texts {
            let spelled = text.hasPrefix(".") ? "0" + text : text.filter { $0 != "_" }
            guard let plain = DecimalText.plain(spelled), !plain.hasPrefix("-") else { return nil }
            let pieces = plain.split(separator: ".", omittingEmptySubsequences: false)
            var fraction = pieces.count > 1 ? pieces[1] : ""
            while fraction.hasSuffix("0") { fraction = fraction.dropLast() }
            parts.append((String(pieces[0]) + fraction, fraction.count))
        }
        let decimals = parts.map(\.decimals).max() ?? 0
        var numbers: [Int] = []
        for part in parts {
            guard let number = Int(part.digits + String(repeating: "0", count: decimals - part.decimals)) else {
                return nil
            }
            numbers.append(number)
        }
        let divisor = numbers.reduce(0, greatestCommonDivisor)
        guard divisor > 0 else { return numbers }
        numbers = numbers.map { $0 / divisor }
        guard let largest = numbers.max(), largest > weightMax else { return numbers }
        let scale = (largest + weightMax - 1) / weightMax
        return numbers.map { $0 == 0 ? 0 : max(1, $0 / scale) }
    }

    private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
        var (a, b) = (a, b)
        while b != 0 { (a, b) = (b, a % b) }
        return a
    }
}
