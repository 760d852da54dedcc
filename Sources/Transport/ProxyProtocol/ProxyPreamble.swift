// Reads the PROXY header at the start of an accepted connection, before TLS.

/// Reads the PROXY header of a connection whose peer is a proxy that must send one.
package final class ProxyPreamble: ChannelPreamble {
    /// The maximum time from the accept of the connection until the complete header has arrived: 5 s.
    ///
    /// A proxy sends the header at once, so only a broken or hostile peer takes longer.
    package static let timeout: Nanoseconds = 5_000_000_000

    /// Called once with the header, before any byte of the client is delivered.
    ///
    /// If the closure returns false, the connection is closed.
    package var accepts: (ProxyHeader) -> Bool = { _ in true }
    /// Called once, with the reason, if the first bytes are not a valid header; the connection is then closed.
    package var refused: (StaticString) -> Void = { _ in }

    package init() {}

    package var bytesMax: Int { ProxyHeader.bytesMax }

    package func read(_ bytes: Span<UInt8>) -> ChannelPreambleVerdict {
        switch ProxyHeader.read(bytes) {
        case .incomplete: return .needsMore
        case .header(let header): return accepts(header) ? .done(header.length) : .refused
        case .invalid(let why):
            refused(why)
            return .refused
        }
    }
}
