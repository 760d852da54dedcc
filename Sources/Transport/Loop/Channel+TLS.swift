// Decrypting what a channel with TLS has received.

extension Channel {
    /// Decrypts what the wire was fed and passes it to the handler, at most one plaintext buffer at a time.
    func decrypt() {
        while phase != .closed {
            let result = unsafe tls!.read(into: loop.plaintextBuffer)
            takeWireOutput()
            if !isOpened, tls?.isEstablished == true {
                isOpened = true
                enterRing()
                handler?.channelOpened(self)
                if phase == .closed { return }
            }
            switch result {
            case .bytes(let count):
                let bytes = unsafe UnsafeBufferPointer(
                    rebasing: loop.plaintextBuffer.bindMemory(to: UInt8.self)[..<count]
                )
                unsafe handler?.channel(self, received: bytes.span)
            // The handler may act on other connections of this worker: those do not use the wire before the flush
            // phase.
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
        chargePending()
        markNow()
    }
}
