// The one stream interface: a request and its response, whatever protocol carries them. Confined to its worker.
package import Transport

/// Why a client is no longer there.
package enum ClientEnd: Sendable {
    /// It reset the stream (HTTP/2), with this error code.
    case reset(UInt32)
    /// It closed or lost the connection.
    case closed
    /// It broke the protocol, or made work without end: its stream or its connection was ended for that, for this
    /// reason.
    case violation(StaticString)
    /// The server closed the connection: a deadline, a limit, the end of draining.
    case edge
}

/// What serves a request.
///
/// Every call comes from the loop, none from inside a call to the stream.
package protocol ServerStreamHandler: AnyObject {
    /// The stream knows its handler: the first call. An answer may be given from here on.
    func requestBegan()
    /// Bytes of the request body, valid during the call; to be given back by `consumed` once they are taken.
    func requestBody(_ bytes: Span<UInt8>)
    /// The request body is whole.
    func requestEnded()
    /// The body breaks the rules of HTTP, and nothing has been said yet.
    ///
    /// True when the handler answers so; else it is told that the client left, and the delegate refuses.
    func requestBroke(status: Int, message: String) -> Bool
    /// The client left before the response was whole. Nothing more may be sent.
    func clientLeft(_ end: ClientEnd)
    /// Bytes have left `buffered` for the client.
    func outputMoved()
    /// The response has gone out whole: the last call.
    func responseFinished()
}

extension ServerStreamHandler {
    package func requestBegan() {}
    package func requestBroke(status: Int, message: String) -> Bool { false }
}

/// Makes what serves a request.
package protocol ServerDelegate: AnyObject {
    /// A request head has come. The handler hears of body and end after this call.
    func handler(for head: RequestHead, on stream: ServerStream) -> any ServerStreamHandler
    /// A request that broke the rules of HTTP, or (503) that its connection may not hold memory for: to be answered
    /// with this status, and no handler.
    func refusal(status: Int, message: String, on stream: ServerStream)
    /// A stream was reset with REFUSED_STREAM, unseen by any handler: its connection may hold no more memory.
    func refusedForMemory(on connection: ServerConnection)
    /// The client speaks something else than its listener; its connection ends.
    func spokeOtherwise(_ what: OtherProtocol, on connection: ServerConnection)
    /// The connection is gone, with its last stream and its socket: at the end of a turn, once for each.
    func connectionEnded(_ connection: ServerConnection)
    /// A client's TLS handshake has failed: its connection ends without a request.
    func handshakeFailed(_ failure: HandshakeFailure)
}

extension ServerDelegate {
    package func handshakeFailed(_ failure: HandshakeFailure) {}
    package func refusedForMemory(on connection: ServerConnection) {}
    package func spokeOtherwise(_ what: OtherProtocol, on connection: ServerConnection) {}
}

/// One request and its response.
///
/// HTTP/1.1 and HTTP/2 each have their own; nothing above knows which.
package class ServerStream {
    /// What a stream costs, in bytes, beside its head and output: its objects, nghttp2's and its handler.
    package static let cost = 4 << 10

    /// What other modules see of a stream, through accessors: of a private property the compiler sees every access, and
    /// leaves the check of exclusive access out (decision 0024).
    private struct State {
        var handler: (any ServerStreamHandler)?
        var lastMoved: Nanoseconds
        var isHeadSent = false
        var isFinished = false
        var isClosed = false
        var bytesSent = 0
        var bytesLost = 0
    }

    package let connection: ServerConnection
    package let version: HTTPVersion
    private var state: State
    var output: ByteQueue
    /// The handler has given the response up: it hears no more.
    var isBroken = false
    private var cost = MemoryCharge()
    private var head = MemoryCharge()
    /// How much of its output somebody else is charged for, in bytes.
    private(set) var outputPaid = 0
    /// What is charged for the rest.
    private var outputCharge = MemoryCharge()

    init(connection: ServerConnection, version: HTTPVersion) {
        self.connection = connection
        self.version = version
        output = ByteQueue(pool: connection.channel.loop.chunks)
        state = State(lastMoved: connection.channel.loop.now)
    }

    /// The handler, from the head of the request until its end.
    package internal(set) final var handler: (any ServerStreamHandler)? {
        get { state.handler }
        set { state.handler = newValue }
    }
    /// When bytes last left for the client, or began to wait.
    package internal(set) final var lastMoved: Nanoseconds {
        get { state.lastMoved }
        set { state.lastMoved = newValue }
    }
    package internal(set) final var isHeadSent: Bool {
        get { state.isHeadSent }
        set { state.isHeadSent = newValue }
    }
    package internal(set) final var isFinished: Bool {
        get { state.isFinished }
        set { state.isFinished = newValue }
    }
    package internal(set) final var isClosed: Bool {
        get { state.isClosed }
        set { state.isClosed = newValue }
    }
    /// Bytes of response body handed over so far.
    package internal(set) final var bytesSent: Int {
        get { state.bytesSent }
        set { state.bytesSent = newValue }
    }
    /// Bytes that waited for the client when it left.
    package internal(set) final var bytesLost: Int {
        get { state.bytesLost }
        set { state.bytesLost = newValue }
    }

    /// The delegate has made the handler.
    ///
    /// The stream may have ended inside that call.
    func adopt(_ made: any ServerStreamHandler) {
        guard !isBroken else { return }
        if isClosed {
            made.clientLeft(.edge)
            return
        }
        handler = made
        made.requestBegan()
    }

    /// Who sent the request.
    ///
    /// The connection's client; where header fields of a trusted proxy tell the address, each request would have its own.
    package var client: Client { connection.client }
    // MARK: Memory

    /// Charges the stream and the head of its request to the connection; false, and nothing charged, when the connection
    /// may not hold as much.
    func admit(headOf bytes: Int) -> Bool {
        let account = connection.account
        guard cost.grow(to: Self.cost, on: account) else { return false }
        // What goes to an executor is a second head.
        if head.grow(to: 2 * bytes, on: account) { return true }
        cost.set(0, on: account)
        return false
    }

    /// The handler has let the head go.
    package func letGoOfHead() { head.set(0, on: connection.account) }

    /// Output of up to `bytes` bytes is charged by the handler, which has reserved as much; 0 when it has not.
    package func payOutput(_ bytes: Int) {
        guard !isClosed else { return }
        outputPaid = bytes
        chargeOutput()
    }

    /// Output beyond what was paid is charged as it is.
    ///
    /// Called with each piece of output: nothing is done for what was paid.
    func chargeOutput() {
        let beyond = output.footprint - outputPaid
        var charge = outputCharge
        guard beyond > 0 || charge.bytes > 0 else { return }
        charge.set(max(0, beyond), on: connection.account)
        outputCharge = charge
    }

    /// The stream has ended: nothing is charged for it any more.
    func letGoOfMemory() {
        let account = connection.account
        cost.set(0, on: account)
        head.set(0, on: account)
        var charge = outputCharge
        charge.set(0, on: account)
        outputCharge = charge
    }

    /// Bytes that wait for the client.
    package var buffered: Int { output.count }

    /// When the client last took bytes, or bytes began to wait for it.
    package var lastProgress: Nanoseconds { lastMoved }

    /// 100 (Continue) or 103 (Early Hints).
    package func sendInformational(_ head: ResponseHead) {}
    /// The head of the final response; `end` when no body follows.
    package func respond(_ head: ResponseHead, end: Bool) {}
    /// Bytes of the response body: handed to the client in this turn's flush.
    package func send(_ bytes: Span<UInt8>) {}
    /// The same for bytes that are not copied.
    package func send(_ shared: SharedBytes) {}
    /// The response is complete: its end goes out in the same write as what was sent before it.
    package func finish() {}
    /// The response is broken: what was sent goes out, then the stream ends in a way that nobody can take for whole.
    package func abort() {}
    /// So many bytes of the request body have been taken: the client may send as many more.
    package func consumed(_ bytes: Int) {}
}
