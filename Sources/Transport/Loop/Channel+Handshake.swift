// How an accepted channel performs its TLS handshake: at once, or later, when the loop's HandshakeGate admits it.
internal import CLinux
internal import Glibc

/// The client of a TLS handshake that has to wait.
package struct HandshakeClient: Sendable, Equatable {
    /// The client's address; nil for a unix socket.
    ///
    /// Waiting handshakes of the same rank are served round-robin by address.
    package var address: IPAddress?
    /// Whether the client is trusted, or has recently been served or has sent a valid API key.
    ///
    /// Waiting handshakes of known clients continue before those of unknown clients.
    package var isKnown: Bool

    package init(address: IPAddress?, isKnown: Bool = false) {
        self.address = address
        self.isKnown = isKnown
    }
}

/// The state of an accepted channel's TLS handshake.
struct ChannelHandshake {
    /// Whether the loop's `HandshakeGate` decides when the channel reads: from the end of the preamble to the end of
    /// the handshake.
    var isGated = false
    /// Whether OpenSSL has produced output for the client, usually the answer to the ClientHello.
    var hasAnswered = false
    /// Identifies the waiting handshake in the loop's `HandshakeGate`; nil while the handshake does not wait.
    var waiting: SlabKey?
    /// The first bytes of a waiting handshake, if they were read together with the preamble; otherwise empty.
    var input: [UInt8] = []
}

extension Channel {
    /// How many bytes `offersResumption` examines; a ClientHello seldom has more than 2 KiB.
    private static let peekedMax = 4096

    /// Whether the channel may process the next bytes of its handshake now.
    ///
    /// If the result is false, the handshake waits in the loop's `HandshakeGate`, or the channel has ended.
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

    /// Whether the bytes that have arrived are a ClientHello that offers to resume a session.
    private var offersResumption: Bool {
        let input = handshake.input
        guard input.isEmpty else { return ClientHello.offersResumption(input.span) }
        let count = unsafe recv(descriptor, loop.readBuffer.baseAddress, Self.peekedMax, CInt(MSG_PEEK))
        guard count > 0 else { return false }
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: loop.readBuffer[..<count])
        return unsafe ClientHello.offersResumption(bytes.assumingMemoryBound(to: UInt8.self).span)
    }

    /// Continues a handshake that has waited, after the gate has removed it from its queue.
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

    /// Removes the waiting handshake from the gate, because the channel is closed.
    func leaveGate() {
        guard let key = handshake.waiting else { return }
        handshake.waiting = nil
        loop.handshakes.leave(key)
    }

    /// Charges the loop's handshake budget for one step of the handshake.
    ///
    /// After the last step, the function reports the channel as open to its handler.
    func handshakeStepped() {
        if handshake.isGated { loop.handshakes.charge(loop.clock) }
        guard tls?.isEstablished == true else { return }
        handshake.isGated = false
        isOpened = true
        enterRing()
        handler?.channelOpened(self)
    }
}
