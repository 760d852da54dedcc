// A request and its response as an HTTP/2 stream.
internal import CNghttp2
internal import Transport

/// Confined to the worker of its connection.
final class HTTP2ServerStream: ServerStream {
    let id: Int32
    private let server: HTTP2ServerSession
    /// The request while its fields come in; let go once the handler has it.
    var builder: HTTP2RequestBuilder?
    /// nghttp2 has been told that there is nothing to send for now.
    var isDeferred = false
    /// The client has ended its side.
    var isRequestWhole = false
    /// END_STREAM has been handed to the kernel: a reset after it changes nothing.
    var isEndSent = false
    /// Refused, unseen by any handler: its connection may hold no more memory, or has as many streams as it may.
    var isRefused = false
    /// Reset by us, for a fault of the client's or because the response is broken.
    var isResetByUs = false
    /// Informational heads handed to nghttp2 and not yet sent.
    var informationalHeads = 0
    /// The final head has been sent.
    var isHeadOut = false
    var isHEAD = false
    /// Bytes of the request body that the handler has and has not taken yet.
    var unconsumed = 0
    private var hasBody = false

    init(server: HTTP2ServerSession, connection: ServerConnection, id: Int32) {
        self.id = id
        self.server = server
        super.init(connection: connection, version: .http2)
        builder = HTTP2RequestBuilder()
    }

    override func sendInformational(_ head: ResponseHead) {
        guard !isClosed, !isHeadSent else { return }
        server.submitInformational(head, on: self)
    }

    override func respond(_ head: ResponseHead, end: Bool) {
        guard !isClosed, !isBroken, !isHeadSent else { return }
        isHeadSent = true
        hasBody = !end && !isHEAD
        isFinished = end
        server.submitResponse(head, on: self, end: end)
    }

    override func send(_ bytes: Span<UInt8>) {
        guard !isClosed, !isBroken, hasBody, !isFinished, !bytes.isEmpty else { return }
        if output.isEmpty { lastMoved = connection.channel.loop.now }
        bytesSent += bytes.count
        output.append(bytes)
        chargeOutput()
        server.resume(self)
    }

    override func send(_ shared: SharedBytes) {
        guard !isClosed, !isBroken, hasBody, !isFinished, shared.count > 0 else { return }
        if output.isEmpty { lastMoved = connection.channel.loop.now }
        bytesSent += shared.count
        output.append(shared)
        chargeOutput()
        server.resume(self)
    }

    override func finish() {
        guard !isClosed, !isBroken, isHeadSent, !isFinished else { return }
        isFinished = true
        server.resume(self)
    }

    override func abort() {
        guard !isClosed, !isBroken else { return }
        isBroken = true
        handler = nil
        server.breakStream(self)
    }

    override func consumed(_ bytes: Int) {
        guard !isClosed, bytes > 0 else { return }
        server.consume(bytes, of: self)
    }
}
