// The stream interface: a request and its response, whichever HTTP version carries them.
package import Transport

/// Why a client left before its response was whole.
package enum ClientEnd: Sendable {
    /// The client reset the HTTP/2 stream, with this error code.
    case reset(UInt32)
    /// The client closed the connection, or the connection was lost.
    case closed
    /// The client broke the protocol or made too much work, and the server ended its stream or connection for this
    /// reason.
    case violation(StaticString)
    /// The server closed the connection, because of a deadline, a limit or the end of draining.
    case edge
}

/// Serves one request.
///
/// Every call comes on the worker's thread from its event loop, and none from inside a call of the stream.
package protocol ServerStreamHandler: AnyObject {
    /// The first call: from here on the handler may respond.
    func requestBegan()
    /// Bytes of the request body have arrived.
    ///
    /// They are valid during the call. The handler calls `consumed` once it has taken them, and only then may the
    /// client send more.
    func requestBody(_ bytes: Span<UInt8>)
    /// The request body has arrived whole.
    func requestEnded()
    /// The body breaks the rules of HTTP, and the response has not begun.
    ///
    /// - Returns: true if the handler responds with this status itself. Otherwise it gets `clientLeft` next, and the
    ///   delegate responds.
    func requestBroke(status: Int, message: String) -> Bool
    /// The client left before the response was whole: the last call.
    func clientLeft(_ end: ClientEnd)
    /// Bytes have gone out, so that `buffered` is smaller.
    func outputMoved()
    /// The response has gone out whole: the last call.
    func responseFinished()
}

extension ServerStreamHandler {
    /// Does nothing.
    package func requestBegan() {}
    /// Leaves the response to the delegate.
    package func requestBroke(status: Int, message: String) -> Bool { false }
}

/// Makes the handlers of requests, and is notified of what happens to connections.
package protocol ServerDelegate: AnyObject {
    /// A request head has arrived: makes its handler, which gets the body after this call.
    func handler(for head: RequestHead, on stream: ServerStream) -> any ServerStreamHandler
    /// Responds with this status to a request that has no handler.
    ///
    /// The request broke the rules of HTTP, or (503) the connection may not hold memory for it.
    func refusal(status: Int, message: String, on stream: ServerStream)
    /// A stream was reset with REFUSED_STREAM before it had a handler: its connection may hold no more memory.
    func refusedForMemory(on connection: ServerConnection)
    /// The client speaks another protocol than its listener, and the connection ends.
    func spokeOtherwise(_ what: OtherProtocol, on connection: ServerConnection)
    /// The connection is gone with its streams and its socket: the last call for it, at the end of a turn of the loop.
    func connectionEnded(_ connection: ServerConnection)
    /// A client's TLS handshake has failed, and its connection ends without a request.
    func handshakeFailed(_ failure: HandshakeFailure)
}

extension ServerDelegate {
    /// Does nothing.
    package func handshakeFailed(_ failure: HandshakeFailure) {}
    /// Does nothing.
    package func refusedForMemory(on connection: ServerConnection) {}
    /// Does nothing.
    package func spokeOtherwise(_ what: OtherProtocol, on connection: ServerConnection) {}
}

/// One request and its response.
///
/// HTTP/1.1 and HTTP/2 have a subclass each, and nothing above this module knows which one it holds. Confined to the
/// worker of its connection.
package class ServerStream {
    /// The memory that is charged for the objects of a stream, including its handler and those of nghttp2, in bytes.
    ///
    /// The head and the output are charged separately.
    package static let cost = 4 << 10

    /// The properties that other modules read by the accessors below.
    ///
    /// They are private so that the compiler sees every access and omits the runtime check of exclusive access
    /// (docs/decisions/0024-exclusivity-is-checked-in-release-builds.md).
    private struct State {
        var handler: (any ServerStreamHandler)?
        var lastMoved: Nanoseconds
        var isHeadSent = false
        var isFinished = false
        var isClosed = false
        var bytesSent = 0
        var bytesLost = 0
    }

    /// The connection that carries the stream.
    package let connection: ServerConnection
    /// The version of the request.
    package let version: HTTPVersion
    private var state: State
    /// Response bytes that wait for the client; HTTP/1.1 keeps those of all its responses in its session.
    var output: ByteQueue
    /// The handler has aborted the response, and gets no more calls.
    var isBroken = false
    private var cost = MemoryCharge()
    private var head = MemoryCharge()
    /// How much output the handler has reserved memory for, in bytes.
    private(set) var outputPaid = 0
    /// The charge for output beyond `outputPaid`.
    private var outputCharge = MemoryCharge()

    init(connection: ServerConnection, version: HTTPVersion) {
        self.connection = connection
        self.version = version
        output = ByteQueue(pool: connection.channel.loop.chunks)
        state = State(lastMoved: connection.channel.loop.now)
    }

    /// The handler, from the head of the request to the end of the stream.
    package internal(set) final var handler: (any ServerStreamHandler)? {
        get { state.handler }
        set { state.handler = newValue }
    }
    /// When bytes last went out to the client, or began to wait for it.
    package internal(set) final var lastMoved: Nanoseconds {
        get { state.lastMoved }
        set { state.lastMoved = newValue }
    }
    /// The head of the final response has been sent by the handler.
    package internal(set) final var isHeadSent: Bool {
        get { state.isHeadSent }
        set { state.isHeadSent = newValue }
    }
    /// The handler has sent the whole response.
    package internal(set) final var isFinished: Bool {
        get { state.isFinished }
        set { state.isFinished = newValue }
    }
    /// The stream has ended; it accepts no more calls.
    package internal(set) final var isClosed: Bool {
        get { state.isClosed }
        set { state.isClosed = newValue }
    }
    /// The number of bytes of the response body that the handler has sent so far.
    package internal(set) final var bytesSent: Int {
        get { state.bytesSent }
        set { state.bytesSent = newValue }
    }
    /// The number of response bytes that still waited to be sent when the client left.
    package internal(set) final var bytesLost: Int {
        get { state.bytesLost }
        set { state.bytesLost = newValue }
    }

    /// Takes the handler that the delegate has made.
    ///
    /// The stream may have ended while the delegate made it.
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
    package var client: Client { connection.client }

    // MARK: Memory

    /// Charges the stream and the head of its request, which has `bytes` bytes, to the connection.
    ///
    /// - Returns: false if the connection may not hold that much memory; then nothing is charged.
    func admit(headOf bytes: Int) -> Bool {
        let account = connection.account
        guard cost.grow(to: Self.cost, on: account) else { return false }
        // The request to the executor has a head of the same size.
        if head.grow(to: 2 * bytes, on: account) { return true }
        cost.set(0, on: account)
        return false
    }

    /// The handler has released the head of the request: it is not charged any more.
    package func letGoOfHead() { head.set(0, on: connection.account) }

    /// The handler has reserved memory for `bytes` bytes of output; 0 once it has given the reservation back.
    package func payOutput(_ bytes: Int) {
        guard !isClosed else { return }
        outputPaid = bytes
        chargeOutput()
    }

    /// Charges output beyond `outputPaid` to the connection.
    ///
    /// It is called with each piece of output, and does nothing for output that is paid.
    func chargeOutput() {
        let beyond = output.footprint - outputPaid
        var charge = outputCharge
        guard beyond > 0 || charge.bytes > 0 else { return }
        charge.set(max(0, beyond), on: connection.account)
        outputCharge = charge
    }

    /// Gives all charges back, since the stream has ended.
    func letGoOfMemory() {
        let account = connection.account
        cost.set(0, on: account)
        head.set(0, on: account)
        var charge = outputCharge
        charge.set(0, on: account)
        outputCharge = charge
    }

    // MARK: Responding

    /// How many bytes wait for the client.
    package var buffered: Int { output.count }

    /// When the client last took bytes, or bytes began to wait for it.
    package var lastProgress: Nanoseconds { lastMoved }

    /// Sends 100 (Continue) or 103 (Early Hints).
    package func sendInformational(_ head: ResponseHead) {}
    /// Sends the head of the final response; with `end` no body follows.
    package func respond(_ head: ResponseHead, end: Bool) {}
    /// Queues bytes of the response body; they go out in this turn's flush.
    package func send(_ bytes: Span<UInt8>) {}
    /// Queues bytes of the response body without a copy, where the framing allows it.
    package func send(_ shared: SharedBytes) {}
    /// Ends the response; the end goes out in the same write as the bytes before it.
    package func finish() {}
    /// Ends a broken response: queued bytes go out, and then the stream ends in a way that no client can take for
    /// whole.
    package func abort() {}
    /// The handler has taken this many bytes of the request body, so that the client may send that many more.
    package func consumed(_ bytes: Int) {}
}
