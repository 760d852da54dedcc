// How a channel (a socket that a client has connected to) performs its TLS handshake: at once, or later. The loop's
// `HandshakeGate` delays handshakes, so that their CPU time does not slow down token streams.
internal import CLinux
internal import Glibc

/// What the queue of waiting TLS handshakes must know about a client.
package struct HandshakeClient: Sendable, Equatable {
    /// The client's address; nil for a unix socket.
    ///
    /// Among waiting handshakes of the same priority, the addresses take turns.
    package var address: IPAddress?
    /// Whether the client is trusted, was served recently, or has sent a valid API key recently.
    ///
    /// Waiting handshakes of known clients mostly continue before those of unknown clients (`HandshakeQueue`).
    package var isKnown: Bool

    package init(address: IPAddress?, isKnown: Bool = false) {
        self.address = address
        self.isKnown = isKnown
    }
}

/// The state of an accepted channel's TLS handshake.
struct ChannelHandshake {
    /// Whether the loop may make the handshake wait, so that its CPU time does not slow down token streams.
    ///
    /// The loop's `HandshakeGate` decides which handshakes wait. The value is true from the end of the PROXY protocol
    /// header, if there is one, to the end of the handshake.
    var isGated = false
    /// Whether OpenSSL has written bytes for the client, usually the answer to the ClientHello.
    var hasAnswered = false
    /// The key of this handshake in the loop's queue of handshakes that wait; nil while this handshake does not wait.
    var waiting: SlabKey?
    /// The handshake's first bytes, which were read together with the PROXY protocol header before them; empty if there
    /// are none.
    var input: [UInt8] = []
}

extension Channel {
    /// The largest number of bytes of a ClientHello that `offersResumption` reads.
    ///
    /// A ClientHello seldom has more than 2 KiB.
    private static let peekedMax = 4096

    /// Whether the channel may process the next bytes of its TLS handshake now.
    ///
    /// If the result is false, either the handshake waits in the loop's queue (`HandshakeGate`), or the function has
    /// ended the channel, because the client has hung up or too many handshakes wait already.
    func mayShakeHands() -> Bool {
        if handshake.waiting == nil, loop.handshakes.admits(at: loop.now) {
            loop.handshakes.begin(loop.clock)
            return true
        }
        if hasHungUp, !handshake.hasAnswered {
            // A client that has closed its side before it got an answer cannot complete its handshake.
            end(.closed)
        } else if handshake.waiting == nil {
            hold()
        }
        return false
    }

    private func hold() {
        let client = handler?.handshakeClient(self) ?? HandshakeClient(address: IPAddress(peer))
        handshake.waiting = loop.handshakes.hold(self, rank(of: client), of: client.address)
        if handshake.waiting == nil { end(.tls(TLSError(.noRoom, "too many handshakes wait"))) }
    }

    private func rank(of client: HandshakeClient) -> HandshakeQueue<Channel>.Rank {
        if handshake.hasAnswered { return .begun }
        return client.isKnown || offersResumption ? .preferred : .stranger
    }

    /// Whether the client has sent a ClientHello that offers to resume a session.
    ///
    /// The bytes that are examined stay unread.
    private var offersResumption: Bool {
        let input = handshake.input
        guard input.isEmpty else { return ClientHello.offersResumption(input.span) }
        let count = unsafe recv(descriptor, loop.readBuffer.baseAddress, Self.peekedMax, CInt(MSG_PEEK))
        guard count > 0 else { return false }
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: loop.readBuffer[..<count])
        return unsafe ClientHello.offersResumption(bytes.assumingMemoryBound(to: UInt8.self).span)
    }

    /// Continues a handshake that has waited.
    ///
    /// Called when `loop.handshakes`, the queue of waiting handshakes, has removed this channel.
    func continueHandshake() {
        handshake.waiting = nil
        loop.handshakes.begin(loop.clock)
        if !handshake.input.isEmpty {
            let bytes = handshake.input
            handshake.input = []
            unsafe bytes.withUnsafeBytes { unsafe take($0) }
            revisit()
        } else if isReading, phase == .open {
            readAdmitted()
        }
    }

    /// Removes the handshake from the loop's queue of handshakes that wait, because the channel is closed.
    ///
    /// Does nothing if the handshake does not wait.
    func leaveGate() {
        guard let key = handshake.waiting else { return }
        handshake.waiting = nil
        loop.handshakes.leave(key)
    }

    /// Called after each step of the handshake: subtracts the time of this step from the loop's budget of CPU time for
    /// handshakes.
    ///
    /// After the last step, the function tells the handler that the channel is open.
    func handshakeStepped() {
        if handshake.isGated { loop.handshakes.charge(loop.clock) }
        guard tls?.isEstablished == true else { return }
        handshake.isGated = false
        isOpened = true
        enterRing()
        handler?.channelOpened(self)
    }
}
