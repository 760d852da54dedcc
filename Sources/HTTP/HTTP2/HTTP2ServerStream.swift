// A request and its response on an HTTP/2 stream.
internal import CNghttp2
internal import Transport

/// The stream of an HTTP/2 request; it keeps its own output until nghttp2 asks for it.
///
/// Confined to the worker of its connection.
final class HTTP2ServerStream: ServerStream {
    /// The stream identifier.
    let id: Int32
    private let server: HTTP2ServerSession
    /// The request head while its fields arrive; nil once it is whole.
    var builder: HTTP2RequestBuilder?
    /// nghttp2 asks for no more output until `resume`, since there was none.
    var isDeferred = false
    /// The request has arrived to its end.
    var isRequestWhole = false
    /// END_STREAM has been handed over for sending: a reset after it changes nothing.
    var isEndSent = false
    /// The stream was refused before it had a handler: its connection may hold no more memory or no more streams.
    var isRefused = false
    /// The server has reset the stream, for a fault of the client or because the response is broken.
    var isResetByUs = false
    /// How many informational heads nghttp2 has and has not sent yet.
    var informationalHeads = 0
    /// nghttp2 has sent the final head.
    var isHeadOut = false
    /// The method is HEAD.
    var isHEAD = false
    /// Bytes of the request body that have arrived and that the handler has not taken yet.
    var unconsumed = 0
    /// The response has a body.
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
