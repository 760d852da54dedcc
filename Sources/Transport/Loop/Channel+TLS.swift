// How a channel with TLS decrypts what it has received.

extension Channel {
    /// Decrypts the received ciphertext, and passes the plaintext to the handler in pieces of up to 64 KiB.
    ///
    /// The ciphertext is in the `TLSWire`, the worker's buffer between sockets and OpenSSL.
    func decrypt() {
        while phase != .closed {
            let result = unsafe tls!.read(into: loop.plaintextBuffer)
            takeWireOutput()
            if !isOpened {
                handshakeStepped()
                if phase == .closed { return }
            }
            switch result {
            case .bytes(let count):
                let bytes = unsafe UnsafeBufferPointer(
                    rebasing: loop.plaintextBuffer.bindMemory(to: UInt8.self)[..<count]
                )
                // All connections of the worker share one buffer for ciphertext, the `TLSWire`. The handler may write
                // to other connections, but they encrypt their output only later, when the loop writes output. So after
                // this call the wire still contains the unread input of this channel.
                unsafe handler?.channel(self, received: bytes.span)
            case .wantsMore: return
            case .closed:
                end(.closed)
                return
            case .failed(let error):
                flushPending()
                end(.tls(error))
                return
            }
        }
    }

    private func takeWireOutput() {
        let output = unsafe loop.wire.output
        guard unsafe !output.isEmpty else { return }
        unsafe pending.append(output)
        loop.wire.clearOutput()
        handshake.hasAnswered = true
        chargePending()
        markNow()
    }
}
