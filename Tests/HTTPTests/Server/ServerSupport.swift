// A server connection on an event loop that the test turns, and a delegate that records requests and sends the
// responses that the test chooses.
import HTTP
import LoopTesting
import Transport

/// One request as the server's handler sees it.
final class Exchange: ServerStreamHandler {
    let head: RequestHead
    let stream: ServerStream
    var body: [UInt8] = []
    var hasEnded = false
    var left: [ClientEnd] = []
    var finished = 0
    var moved = 0
    var callsAfterEnd = 0
    var takesBody = true
    var onEnd: ((Exchange) -> Void)?
    var onMoved: ((Exchange) -> Void)?

    init(head: RequestHead, stream: ServerStream) {
        self.head = head
        self.stream = stream
    }

    private func count() { if finished + left.count > 0 { callsAfterEnd += 1 } }

    func requestBody(_ bytes: Span<UInt8>) {
        count()
        for index in bytes.indices { body.append(bytes[index]) }
        if takesBody { stream.consumed(bytes.count) }
    }
    func requestEnded() {
        count()
        hasEnded = true
        onEnd?(self)
    }
    func clientLeft(_ end: ClientEnd) {
        count()
        left.append(end)
    }
    func outputMoved() {
        count()
        moved += 1
        onMoved?(self)
    }
    func responseFinished() {
        count()
        finished += 1
    }

    var target: String { String(decoding: head.target, as: UTF8.self) }
    var text: String { String(decoding: body, as: UTF8.self) }

    func respond(_ status: Int = 200, length: Int? = nil, end: Bool = false) {
        var fields = FieldBlock()
        if let length { fields.append(.contentLength, String(length)) }
        stream.respond(ResponseHead(status: status, fields: fields), end: end)
    }
    func send(_ text: String) { send(Array(text.utf8)) }
    func send(_ bytes: [UInt8]) { stream.send(bytes.span) }
    /// Sends a complete response.
    func answer(_ text: String, status: Int = 200) {
        respond(status, length: text.utf8.count)
        send(text)
        stream.finish()
    }
}

final class TestDelegate: ServerDelegate {
    var exchanges: [Exchange] = []
    var refusals: [(status: Int, message: String)] = []
    var ended = 0
    /// How many streams were refused because their connection may hold no more memory.
    var refusedForMemory = 0
    var others: [OtherProtocol] = []
    /// The addresses for which `isKnown` is true, so that their handshakes come before those of unknown clients.
    var known: Set<String> = []
    /// Called inside `handler(for:on:)`, with the new exchange.
    var onHead: ((Exchange) -> Void)?
    var onEnd: ((Exchange) -> Void)?

    /// Breaks the reference cycle of delegate, exchanges and connections, each of which holds the next.
    func forget() {
        exchanges = []
        onHead = nil
        onEnd = nil
    }

    func handler(for head: RequestHead, on stream: ServerStream) -> any ServerStreamHandler {
        let exchange = Exchange(head: head, stream: stream)
        exchange.onEnd = onEnd
        exchanges.append(exchange)
        onHead?(exchange)
        return exchange
    }
    func refusal(status: Int, message: String, on stream: ServerStream) {
        refusals.append((status, message))
        var fields = FieldBlock()
        let body = Array(message.utf8)
        fields.append(.contentLength, String(body.count))
        stream.respond(ResponseHead(status: status, fields: fields), end: false)
        stream.send(body.span)
        stream.finish()
    }
    func isKnown(_ client: Client) -> Bool { known.contains(client.address.host) }
    func refusedForMemory(on connection: ServerConnection) { refusedForMemory += 1 }
    func spokeOtherwise(_ what: OtherProtocol, on connection: ServerConnection) { others.append(what) }
    func connectionEnded(_ connection: ServerConnection) { ended += 1 }
}

/// A server with one client connection.
final class TestServer {
    let test = TestLoop()
    let delegate = TestDelegate()
    let peer: Peer
    private(set) weak var connection: ServerConnection?
    private(set) weak var channel: Channel?

    init(
        receiveBuffer: CInt? = nil,
        preamble: (any ChannelPreamble)? = nil,
        account: MemoryAccount = MemoryAccount(),
        _ configure: (inout ServerSettings) -> Void = { _ in }
    ) throws {
        var settings = ServerSettings()
        configure(&settings)
        let (socket, peer) = try test.tcp(receiveBuffer: receiveBuffer)
        self.peer = peer
        let address = Sockets.localAddress(of: socket)!
        let channel = try Channel.accept(socket, peer: address, loop: test.loop, preamble: preamble)
        let connection = ServerConnection(
            channel: channel,
            settings: settings,
            environment: HTTP2Environment(),
            account: account,
            preamble: preamble as? ProxyPreamble,
            delegate: delegate
        )
        connection.start()
        self.channel = channel
        self.connection = connection
    }

    deinit { delegate.forget() }

    var exchanges: [Exchange] { delegate.exchanges }

    /// Sends `text` to the server and turns the loop; the test takes the response with `takeText`.
    func say(_ text: String) {
        peer.send(text)
        settle()
    }
    func settle() { test.settle(peer) }
    func pass(_ duration: Nanoseconds) { test.pass(duration, peer) }
    func takeText() -> String { String(decoding: peer.take(), as: UTF8.self) }

    /// Whether the connection is closed, all its memory is released, and the delegate and each handler were told of
    /// it once.
    func isFreed() -> Bool {
        settle()
        for exchange in exchanges where exchange.callsAfterEnd > 0 || exchange.finished + exchange.left.count > 1 {
            return false
        }
        delegate.forget()
        return connection == nil && channel == nil && delegate.ended == 1 && test.loop.chunks.bytesInUse == 0
            && test.loop.timers.active == 0
    }
}
