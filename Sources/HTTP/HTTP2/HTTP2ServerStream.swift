// A request and its response on one HTTP/2 stream.
internal import CNghttp2
internal import Transport

/// One HTTP/2 request of a client and its response.
///
/// The stream queues its output until nghttp2 asks for it.
///
/// A stream is used only by the worker thread of its connection.
final class HTTP2ServerStream: ServerStream {
    /// The stream identifier.
    let id: Int32
    private let server: HTTP2ServerSession
    /// The request head while its fields arrive; nil once the whole head has arrived.
    var builder: HTTP2RequestBuilder?
    /// Whether nghttp2 waits for `resume`, because the stream had no output when nghttp2 asked for it.
    var isDeferred = false
    /// Whether the whole request has arrived.
    var isRequestWhole = false
    /// Whether END_STREAM has been written to the output.
    ///
    /// The response is then complete, even if the stream is reset afterwards.
    var isEndSent = false
    /// Whether the stream was refused before it had a handler, because its connection may hold no more memory or no
    /// more streams.
    var isRefused = false
    /// Whether the server has reset the stream, for a fault of the client or because the response is broken.
    var isResetByUs = false
    /// The number of informational heads that nghttp2 has queued and not sent yet.
    var informationalHeads = 0
    /// Whether nghttp2 has sent the head of the final response.
    var isHeadOut = false
    /// Whether the method is HEAD.
    var isHEAD = false
    /// The number of request body bytes that have arrived and that the handler has not consumed.
    var unconsumed = 0
    /// Whether the response has a body.
    private var hasBody = false

    init(server: HTTP2ServerSession, connection: ServerConnection, id: Int32) {
        self.id = id
        self.server = server
        super.init(connection: connection, version: .http2)
        builder = HTTP2RequestBuilder()
    }

    override func takeNoMoreRequests() { server.takeNoMoreRequests() }

    override func sendInformational(_ head: ResponseHead) {
        guard !isClosed, !isHeadSent else { return }
        server.submitInformational(head, on: self)
    }

    override func respond(_ head: ResponseHead, end: Bool) {
        guard !isClosed, !isBroken, !isHeadSent else { return }
        isHeadSent = true
        connection.countResponse(status: head.status)
        hasBody = !end && !isHEAD
        isFinished = end
        server.submitResponse(completed(head), on: self, end: end)
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
