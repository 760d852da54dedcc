// The first user of the stage before TLS: a preamble that tests can read.
package import Transport

/// A line that begins with `P` and a space, of at most 16 bytes with its line feed.
package final class LinePreamble: ChannelPreamble {
    package let bytesMax = 16
    /// The line without its end, once it is there.
    package private(set) var line: String?
    /// How often the channel has asked.
    package private(set) var reads = 0
    /// What begins otherwise has no preamble; else it is refused.
    private let isOptional: Bool

    package init(isOptional: Bool = false) { self.isOptional = isOptional }

    package func read(_ bytes: Span<UInt8>) -> ChannelPreambleVerdict {
        reads += 1
        guard bytes.count >= 2 else { return .needsMore }
        guard bytes[0] == UInt8(ascii: "P"), bytes[1] == UInt8(ascii: " ") else {
            return isOptional ? .done(0) : .refused
        }
        for index in bytes.indices where bytes[index] == UInt8(ascii: "\n") {
            line = String(decoding: (0..<index).map { bytes[$0] }, as: UTF8.self)
            return .done(index + 1)
        }
        return .needsMore
    }
}
