// Converts bytes to hexadecimal text and back. The results are allocated, so code that runs for each request uses
// `UInt8.hexDigit` instead.

/// Hexadecimal text, without a prefix.
package enum Hexadecimal {
    /// The bytes as text, with two lower-case digits for each byte.
    package static func text(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.flatMap { [UInt8.hexDigit($0 >> 4), UInt8.hexDigit($0 & 15)] }, as: UTF8.self)
    }

    /// The bytes that a hexadecimal text stands for; accepts digits of either case.
    ///
    /// - Returns: nil if the text is not an even number of hexadecimal digits.
    package static func bytes(_ text: String) -> [UInt8]? {
        let digits = text.utf8.map(\.hexDigitValue)
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[index], let low = digits[index + 1] else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}
