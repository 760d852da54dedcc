// A preamble is read from a connection before TLS begins, as a PROXY header is. For tests it is one line of text.
package import Transport

/// A preamble that is a line: it begins with `P` and a space, and has at most 16 bytes with its line feed.
package final class LinePreamble: ChannelPreamble {
    package let bytesMax = 16
    /// The line without its line feed; nil until the line is complete.
    package private(set) var line: String?
    /// How often the channel has called `read`.
    package private(set) var reads = 0
    /// Whether a connection that begins with other bytes is accepted without a preamble; false refuses it.
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
