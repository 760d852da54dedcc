// Reads bytes that precede the client's own bytes on an accepted socket, such as a PROXY protocol header.
internal import Glibc

/// The decision of a `ChannelPreamble` about the bytes received so far.
package enum ChannelPreambleVerdict: Sendable, Equatable {
    /// More bytes are needed to read the preamble, for example a PROXY protocol header.
    case needsMore
    /// The preamble is complete, and is this many bytes long, possibly 0.
    ///
    /// The client's own bytes follow the preamble.
    case done(Int)
    /// The channel must close the connection without a response.
    case refused
}

/// Reads the bytes that a proxy sends on a connection before the client's own bytes and before TLS.
///
/// Each channel has its own `ChannelPreamble`, set by `Channel.accept`, and calls it only on the loop's thread. The
/// channel releases it once the preamble is complete. Until then, the channel sends nothing to the peer.
package protocol ChannelPreamble: AnyObject {
    /// The maximum length of the preamble in bytes, at least 1.
    ///
    /// A longer preamble closes the connection.
    var bytesMax: Int { get }

    /// Examines all bytes received so far, from the first one on: at least 1 byte, at most `bytesMax`.
    ///
    /// After `.needsMore`, the channel calls this function again with more bytes. After any other verdict, it does not.
    func read(_ bytes: Span<UInt8>) -> ChannelPreambleVerdict
}

/// Collects the bytes of a channel until its `ChannelPreamble` has the complete preamble.
final class PreambleReader {
    let stage: any ChannelPreamble
    var received: [UInt8] = []

    init(_ stage: any ChannelPreamble) { self.stage = stage }
}

extension Channel {
    /// Passes bytes to the `ChannelPreamble`, and the bytes that follow the preamble to TLS or to the handler.
    ///
    /// The bytes are copied, which is cheap enough because a preamble comes only once, at the start of a connection.
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
            if handshake.isGated {
                handshake.input = Array(received[count...])
                guard mayShakeHands() else { return }
                handshake.input = []
            }
            unsafe received.withUnsafeBytes { unsafe take(UnsafeRawBufferPointer(rebasing: $0[count...])) }
        }
    }

    /// Tells the handler that the channel is open; with TLS, the handshake comes first.
    private func openAfterPreamble() {
        guard !isSecure else {
            readLimit = EventLoop.readSize
            handshake.isGated = true
            return
        }
        isOpened = true
        enterRing()
        handler?.channelOpened(self)
    }

    private func refusePreamble(_ code: CInt) {
        end(.failed(SystemError("preamble", code)))
        close()
    }
}
