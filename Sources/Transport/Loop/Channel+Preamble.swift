// A stage before everything else on an accepted socket: bytes that are not the client's, such as a PROXY header.
internal import Glibc

/// What a preamble stage decides from the bytes received so far.
package enum ChannelPreambleVerdict: Sendable, Equatable {
    /// More bytes are needed for a decision.
    case needsMore
    /// The preamble is complete and has this many bytes, from 0 to all that were shown; the client's bytes follow.
    case done(Int)
    /// The connection is to be closed without an answer.
    case refused
}

/// Reads what arrives on a socket before the client's own bytes, and before TLS.
///
/// Each channel has a stage of its own, given to `Channel.accept` and called on the loop's thread only. The channel
/// releases it when it is done. Nothing is sent to the peer meanwhile.
package protocol ChannelPreamble: AnyObject {
    /// The maximum length of a preamble in bytes, at least 1; a longer one closes the connection.
    var bytesMax: Int { get }

    /// Examines everything received so far, from the first byte on: at least 1 byte, at most `bytesMax`.
    ///
    /// Called again with more after `.needsMore`, and never after another verdict.
    func read(_ bytes: Span<UInt8>) -> ChannelPreambleVerdict
}

/// A stage that has not decided yet, and the bytes received so far.
final class PreambleReader {
    let stage: any ChannelPreamble
    var received: [UInt8] = []

    init(_ stage: any ChannelPreamble) { self.stage = stage }
}

extension Channel {
    /// Passes bytes to the preamble stage, and those after the preamble on to TLS or the handler.
    ///
    /// Copies the bytes, which happens only for the first ones of a connection.
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

    /// Opens a channel without TLS; with TLS the handshake comes first.
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
