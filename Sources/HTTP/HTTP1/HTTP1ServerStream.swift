// One request and its response on HTTP/1. The response body ends by its length, with its last chunk, or when the
// connection closes.
internal import Transport

/// One HTTP/1 request of a client and its response.
///
/// The output of the stream goes to the session, which sends the responses in order.
///
/// A stream is used only by the worker thread of its connection.
final class HTTP1ServerStream: ServerStream {
    private enum Framing { case none, length(left: Int), chunked, untilClose }

    private let server: HTTP1ServerSession
    private let isHEAD: Bool
    private var framing = Framing.none
    /// Whether the client waits for 100 (Continue).
    private var awaitsContinue: Bool
    /// Whether the connection may carry another request after this request.
    var keepAlive = true
    /// Whether the request has been read up to the end of its body.
    var isRequestWhole = false

    /// - Parameters:
    ///   - head: the request head; nil for a request that is refused before it is given to a handler.
    ///   - isHEAD: whether a refused request has the method HEAD; used only if `head` is nil.
    init(server: HTTP1ServerSession, connection: ServerConnection, head: RequestHead?, isHEAD: Bool = false) {
        self.server = server
        self.isHEAD = head.map { $0.method == .head } ?? isHEAD
        awaitsContinue = head?.expectsContinue ?? false
        super.init(connection: connection, version: head?.version ?? .http11)
    }

    /// Whether the response ends when the connection closes.
    ///
    /// If so, only a TCP reset can show that the response is incomplete.
    var endsWithClose: Bool {
        if case .untilClose = framing { return true }
        return false
    }

    override func takeNoMoreRequests() { keepAlive = false }

    override var buffered: Int { server.output.count + connection.channel.backlog }
    override var lastProgress: Nanoseconds { max(lastMoved, connection.channel.lastProgress) }

    override func sendInformational(_ head: ResponseHead) {
        guard !isClosed, !isHeadSent, version == .http11 else { return }
        if head.status == 100 {
            guard awaitsContinue, !isRequestWhole else { return }
            awaitsContinue = false
        }
        var bytes: [UInt8] = []
        HTTP1Writer.appendResponse(head, version: version, body: .none, keepAlive: true, to: &bytes)
        server.write(bytes)
    }

    /// Decides how the body is framed (RFC 9112 section 6.3).
    ///
    /// The body is never chunked for HTTP/1.0, whose clients cannot read chunks.
    private func frameBody(of head: ResponseHead, end: Bool) -> ResponseBody {
        let length = head.fields.first(.contentLength).flatMap { Int(String(decoding: $0, as: UTF8.self)) }
        if head.status == 204 || head.status == 304 { return .none }
        if let length {
            framing = .length(left: length)
            return .known(length)
        }
        if end, !isHEAD { return .known(0) }
        if version == .http11 {
            framing = .chunked
            return .chunked
        }
        framing = .untilClose
        keepAlive = false
        return .untilClose
    }

    override func respond(_ head: ResponseHead, end: Bool) {
        guard !isClosed, !isHeadSent else { return }
        isHeadSent = true
        connection.countResponse(status: head.status)
        let head = completed(head)
        // The client may still send the rest of its body, or omit the body if it waits for 100 (Continue). Because
        // the end of the request is unknown, the connection cannot carry another request.
        if awaitsContinue || !isRequestWhole { keepAlive = false }
        let body = frameBody(of: head, end: end)
        if isHEAD { framing = .none }
        var bytes: [UInt8] = []
        HTTP1Writer.appendResponse(head, version: version, body: body, keepAlive: keepAlive, to: &bytes)
        server.write(bytes)
        if end { finish() }
    }

    override func chargeOutput() { server.chargeOutput() }

    override func send(_ shared: SharedBytes) {
        guard !isClosed, isHeadSent, !isFinished, case .length(let left) = framing, shared.count <= left else {
            let bytes = shared.bytes
            send(bytes.span)
            return
        }
        bytesSent += shared.count
        if server.output.isEmpty { lastMoved = connection.channel.loop.now }
        server.output.append(shared)
        framing = .length(left: left - shared.count)
        server.chargeOutput()
        connection.channel.mark()
    }

    override func send(_ bytes: Span<UInt8>) {
        guard !isClosed, isHeadSent, !isFinished, !bytes.isEmpty else { return }
        bytesSent += bytes.count
        if server.output.isEmpty { lastMoved = connection.channel.loop.now }
        switch framing {
        case .none: return
        case .length(let left):
            let step = min(left, bytes.count)
            server.output.append(bytes.extracting(0..<step))
            framing = .length(left: left - step)
        case .untilClose: server.output.append(bytes)
        case .chunked:
            unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: HTTP1Writer.chunkHeaderCapacity) { room in
                let count = unsafe HTTP1Writer.writeChunkHeader(bytes.count, to: room.baseAddress!)
                unsafe server.output.append(UnsafeRawBufferPointer(start: room.baseAddress, count: count))
            }
            server.output.append(bytes)
            server.output.append(HTTP1Writer.chunkEnd)
        }
        server.chargeOutput()
        connection.channel.mark()
    }

    override func finish() {
        guard !isClosed, isHeadSent, !isFinished else { return }
        switch framing {
        case .chunked: server.output.append(HTTP1Writer.lastChunk)
        case .length(let left) where left > 0:
            abort()
            return
        default: break
        }
        isFinished = true
        connection.channel.mark()
        server.finishing()
    }

    override func abort() { server.abort(self) }

    override func consumed(_ bytes: Int) { server.consumed(bytes, of: self) }
}
