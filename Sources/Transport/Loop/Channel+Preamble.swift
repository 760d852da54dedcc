// A stage before everything else on an accepted socket: bytes that are not the client's, such as a PROXY header.
internal import Glibc

/// What a preamble stage says of the bytes that have come so far.
package enum ChannelPreambleVerdict: Sendable, Equatable {
    /// These bytes do not decide yet.
    case needsMore
    /// So many of the bytes are the preamble, 0 to all of those that were shown; the client's bytes follow them.
    case done(Int)
    /// The connection is to be closed, without an answer.
    case refused
}

/// Reads what comes on a socket before the client's own bytes, and before TLS.
///
/// Given to `Channel.accept`, one for each channel, and called by its loop only. The channel lets it go when it is done;
/// whoever wants to know what it has read keeps it. Nothing is sent to the peer meanwhile.
package protocol ChannelPreamble: AnyObject {
    /// The most bytes that a preamble may have, at least 1: a longer one closes the connection.
    var bytesMax: Int { get }

    /// Looks at all that has come so far, from the first byte on: at least 1 byte, at most `bytesMax`.
    ///
    /// Called again with more after `.needsMore`, and never after another verdict.
    func read(_ bytes: Span<UInt8>) -> ChannelPreambleVerdict
}

/// A stage under way, and what it has been shown.
final class PreambleReader {
    let stage: any ChannelPreamble
    var received: [UInt8] = []

    init(_ stage: any ChannelPreamble) { self.stage = stage }
}

extension Channel {
    /// Bytes have come, and the preamble is not known to be whole.
    ///
    /// They are copied: this happens for the first bytes of a connection only.
    func takePreamble(_ bytes: UnsafeRawBufferPointer) {
        guard let reader = preamble else { return }
        unsafe reader.received.append(contentsOf: bytes)
        let received = reader.received
        let shown = min(received.count, reader.stage.bytesMax)
        switch reader.stage.read(received.span.extracting(0..<shown)) {
        case .needsMore:
            if shown == reader.stage.bytesMax { refusePreamble(EMSGSIZE) }
        case .refused: refusePreamble(EPROTO)
        case .done(let count):
            precondition(count >= 0 && count <= shown, "a preamble is part of what was shown")
            preamble = nil
            openAfterPreamble()
            guard phase != .closed, count < received.count else { return }
            unsafe received.withUnsafeBytes { unsafe take(UnsafeRawBufferPointer(rebasing: $0[count...])) }
        }
    }

    /// In clear nothing else comes before the client's bytes; over TLS the handshake does.
    private func openAfterPreamble() {
        guard !isSecure else { return }
        isOpened = true
        enterRing()
        handler?.channelOpened(self)
    }

    private func refusePreamble(_ code: CInt) {
        end(.failed(SystemError("preamble", code)))
        close()
    }
}
