// What the user of a channel implements, and how a connection ended.

/// How a connection ended.
package enum ChannelEnd: Sendable {
    /// The peer closed its sending side normally, with FIN or close_notify.
    case closed
    /// The connection was reset, timed out, or could not be established.
    case failed(SystemError)
    case tls(TLSError)
}

/// The user of a channel: gets the bytes that the channel reads, and a call for each change of the channel's state.
///
/// All calls happen on the loop's thread. After the channel is closed, only `channelReleased` is called.
package protocol ChannelHandler: AnyObject {
    /// The connection is established, and bytes can be sent on it.
    ///
    /// With TLS, the handshake is complete. If the channel has a `ChannelPreamble`, which reads what a proxy sends
    /// first, the preamble has been read. An accepted channel that has neither is ready as soon as a handler is
    /// attached, so this function is not called for it.
    func channelOpened(_ channel: Channel)
    /// Plaintext bytes have arrived; `bytes` is valid only during the call.
    func channel(_ channel: Channel, received bytes: Span<UInt8>)
    /// The peer will send nothing more.
    ///
    /// If `end` is `.closed`, the peer has closed only its sending side, and can still receive what the channel writes.
    func channel(_ channel: Channel, ended end: ChannelEnd)
    /// Asks the handler to append its output to `scratch`.
    ///
    /// After `Channel.mark`, the loop calls this once when it next writes output, however often `mark` was called. A
    /// handler that has more output must call `mark` again; the loop then asks again when it next writes.
    func channelFlush(_ channel: Channel, into scratch: Scratch)
    /// The kernel has accepted all output of the channel, so the handler may produce more.
    func channelDrained(_ channel: Channel)
    /// The handler can continue the work for which it has called `Channel.continueNextTurn`.
    ///
    /// The call comes in the next turn of the loop. If the channel's client has lately caused much work, the loop first
    /// serves other channels. The call then comes when the loop takes the channel from the `YieldQueue`.
    func channelContinues(_ channel: Channel)
    /// Returns the client of an accepted channel whose TLS handshake has to wait.
    ///
    /// The `HandshakeGate` delays handshakes so that their CPU time does not slow down token streams. It orders the
    /// waiting handshakes by this information.
    func handshakeClient(_ channel: Channel) -> HandshakeClient
    /// The last call to the handler, at the end of the loop's turn in which the channel was closed.
    ///
    /// At this time, the socket is already closed. A handler breaks its reference cycles here.
    func channelReleased(_ channel: Channel)
}

extension ChannelHandler {
    /// The default implementation does nothing.
    package func channelContinues(_ channel: Channel) {}
    /// The default implementation returns a client of which only the address of the socket's peer is known.
    package func handshakeClient(_ channel: Channel) -> HandshakeClient {
        HandshakeClient(address: IPAddress(channel.peer))
    }
}
