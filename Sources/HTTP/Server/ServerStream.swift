// The stream interface: a request and its response, independent of the HTTP version.
package import Transport

/// Why the response to a client could not be completed.
package enum ClientEnd: Sendable {
    /// The client reset the HTTP/2 stream, with this error code.
    case reset(UInt32)
    /// The client closed the connection, or the connection was lost.
    case closed
    /// The server ended the stream or the connection, because the client broke the protocol or caused too much work.
    ///
    /// The text gives the reason.
    case violation(StaticString)
    /// The server closed the connection, because of a deadline or a limit, or because the process ends.
    case edge
}

/// Receives one request of a client, and sends the response to its `ServerStream`.
///
/// Every call comes from the event loop on the worker's thread. No call comes while the handler is inside a call to
/// the stream.
package protocol ServerStreamHandler: AnyObject {
    /// The request has begun, and the handler may respond from now on.
    ///
    /// The handler gets this call before all others. It does not get the call if the stream has ended, or its response
    /// was aborted, while the delegate made the handler.
    func requestBegan()
    /// Bytes of the request body have arrived.
    ///
    /// The bytes are valid only during the call. The handler calls `ServerStream.consumed` when it has processed the
    /// bytes. If too many bytes are unprocessed, the server receives no more of the body until the handler has
    /// processed some.
    func requestBody(_ bytes: Span<UInt8>)
    /// The whole request body has arrived.
    func requestEnded()
    /// The body breaks the rules of HTTP, and the response has not begun.
    ///
    /// - Returns: true if the handler sends the response with `status`, false if the delegate must send it. After
    ///   false, the only further call to the handler is `clientLeft`.
    func requestBroke(status: Int, message: String) -> Bool
    /// The client left before the response was complete.
    ///
    /// No other call follows.
    func clientLeft(_ end: ClientEnd)
    /// Response bytes have been sent, and `ServerStream.buffered` has become smaller.
    func outputMoved()
    /// The whole response has been sent.
    ///
    /// No other call follows.
    func responseFinished()
}

extension ServerStreamHandler {
    /// The default implementation does nothing.
    package func requestBegan() {}
    /// The default implementation returns false, so the delegate sends the error response.
    package func requestBroke(status: Int, message: String) -> Bool { false }
}

/// Makes the handlers of requests, and is notified when a connection fails or ends.
package protocol ServerDelegate: AnyObject {
    /// Makes the handler for a request whose head has arrived.
    ///
    /// The handler gets the request body after this call.
    func handler(for head: RequestHead, on stream: ServerStream) -> any ServerStreamHandler
    /// Responds with `status` to a request that has no handler.
    ///
    /// The request broke the rules of HTTP or did not arrive in time, or the connection has reached its limit of memory
    /// (status 503).
    func refusal(status: Int, message: String, on stream: ServerStream)
    /// A stream was reset with REFUSED_STREAM before it had a handler, because its connection has reached its limit of
    /// memory.
    func refusedForMemory(on connection: ServerConnection)
    /// The client speaks another protocol than the listener expects.
    ///
    /// The connection ends.
    func spokeOtherwise(_ what: OtherProtocol, on connection: ServerConnection)
    /// The listener's rules refuse a client because of its address, or a proxy sent no valid PROXY header.
    ///
    /// The connection ends.
    ///
    /// - Parameter detail: what is wrong with the PROXY header; nil for a refusal by the rules.
    func clientRefused(_ why: ClientRefusal, _ client: Client, detail: StaticString?)
    /// The PROXY header of a connection has named its client, which the listener's rules do not refuse.
    ///
    /// - Returns: false if the connection must end because of a limit for the client's address.
    func clientIdentified(on connection: ServerConnection) -> Bool
    /// The connection has ended, and its streams and its socket are released.
    ///
    /// No other call for the connection follows. The call comes at the end of a turn of the event loop.
    func connectionEnded(_ connection: ServerConnection)
    /// A client's TLS handshake has failed.
    ///
    /// The connection ends without a request.
    func handshakeFailed(_ failure: HandshakeFailure)
    /// Whether this client has shown before that it is well-behaved, for example by a request with a valid API key.
    ///
    /// If TLS handshakes have to wait, the handshakes of such clients are performed first.
    func isKnown(_ client: Client) -> Bool
    /// A client's TLS handshake has failed because of the client's certificate, or because the client presented none.
    ///
    /// The call comes in addition to `handshakeFailed`.
    ///
    /// - Parameter reason: what is wrong, in the words of OpenSSL.
    func refusedCertificate(_ reason: String, on connection: ServerConnection)
}

extension ServerDelegate {
    /// The default implementation returns false: no client is known to be well-behaved.
    package func isKnown(_ client: Client) -> Bool { false }
    /// The default implementation does nothing.
    package func clientRefused(_ why: ClientRefusal, _ client: Client, detail: StaticString?) {}
    /// The default implementation accepts every client.
    package func clientIdentified(on connection: ServerConnection) -> Bool { true }
    /// The default implementation does nothing.
    package func handshakeFailed(_ failure: HandshakeFailure) {}
    /// The default implementation does nothing.
    package func refusedCertificate(_ reason: String, on connection: ServerConnection) {}
    /// The default implementation does nothing.
    package func refusedForMemory(on connection: ServerConnection) {}
    /// The default implementation does nothing.
    package func spokeOtherwise(_ what: OtherProtocol, on connection: ServerConnection) {}
}

/// One request and its response.
///
/// The subclasses are `HTTP1ServerStream` and `HTTP2ServerStream`. Code outside the HTTP module uses only this class.
/// Only the worker of the connection uses a stream.
package class ServerStream {
    /// The memory that is charged for the objects of one stream, in bytes.
    ///
    /// The objects include the stream's handler and the objects of nghttp2. The request head and the output are charged
    /// separately.
    package static let cost = 4 << 10

    /// The stored properties behind computed properties of the stream, through which other modules read them.
    ///
    /// The properties are private so that the compiler sees every access and omits the runtime check for exclusive
    /// access (docs/decisions/0024-exclusivity-is-checked-in-release-builds.md).
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
    /// The HTTP version of the request.
    package let version: HTTPVersion
    private var state: State
    /// Response bytes that wait to be sent; empty for HTTP/1, where `HTTP1ServerSession` queues the bytes of all
    /// responses of a connection.
    var output: ByteQueue
    /// Whether the response was aborted or the stream was refused, so that the handler gets no more calls.
    var isBroken = false
    /// The client of this request; nil if the request has the same client as its connection.
    private var ownClient: Client?
    private var cost = MemoryCharge()
    private var head = MemoryCharge()
    /// The amount of output for which the handler has reserved memory, in bytes.
    private(set) var outputPaid = 0
    /// The memory that is charged for output for which the handler has not reserved memory.
    private var outputCharge = MemoryCharge()

    init(connection: ServerConnection, version: HTTPVersion) {
        self.connection = connection
        self.version = version
        output = ByteQueue(pool: connection.channel.loop.chunks)
        state = State(lastMoved: connection.channel.loop.now)
    }

    /// The handler of the request.
    ///
    /// The value is nil before the delegate has made the handler, for a refused request, and after the stream has
    /// ended.
    package internal(set) final var handler: (any ServerStreamHandler)? {
        get { state.handler }
        set { state.handler = newValue }
    }
    /// The later of two times of the event loop: when response bytes were last sent, and when response bytes last began
    /// to wait for the client after none had waited.
    package internal(set) final var lastMoved: Nanoseconds {
        get { state.lastMoved }
        set { state.lastMoved = newValue }
    }
    /// Whether `respond` has sent the head of the final response.
    package internal(set) final var isHeadSent: Bool {
        get { state.isHeadSent }
        set { state.isHeadSent = newValue }
    }
    /// Whether the whole response has been given to the stream, by `finish` or by `respond` with `end`.
    package internal(set) final var isFinished: Bool {
        get { state.isFinished }
        set { state.isFinished = newValue }
    }
    /// Whether the stream has ended and so ignores further calls.
    package internal(set) final var isClosed: Bool {
        get { state.isClosed }
        set { state.isClosed = newValue }
    }
    /// The number of bytes of the response body that the handler has passed to the stream so far.
    package internal(set) final var bytesSent: Int {
        get { state.bytesSent }
        set { state.bytesSent = newValue }
    }
    /// How many response bytes were still queued when the stream ended, and are lost.
    ///
    /// On HTTP/1, the number includes heads and framing, so it may exceed `bytesSent`.
    package internal(set) final var bytesLost: Int {
        get { state.bytesLost }
        set { state.bytesLost = newValue }
    }

    /// Sets the handler that the delegate has made, and calls its `requestBegan`.
    ///
    /// If the stream ended while the delegate made the handler, the handler gets only the call of `clientLeft`. If the
    /// response was aborted in that time, the handler gets no call at all.
    func adopt(_ made: any ServerStreamHandler) {
        guard !isBroken else { return }
        if isClosed {
            made.clientLeft(.edge)
            return
        }
        handler = made
        made.requestBegan()
    }

    /// The client that sent the request.
    package var client: Client { ownClient ?? connection.client }

    /// Sets the client of this request, which may differ from the client of the connection.
    final func identify(_ client: Client) { ownClient = client }

    /// Counts this request as refused.
    ///
    /// The caller refuses it because of a limit for the client's address, or because the request broke a rule of
    /// HTTP/2. It calls this function before it begins the response.
    ///
    /// After too many refusals, the connection takes no further requests: its client gets a GOAWAY with the code
    /// ENHANCE_YOUR_CALM, or `connection: close` on HTTP/1.1.
    package final func countRefusal() {
        if !connection.toleratesRefusal() { takeNoMoreRequests() }
    }

    /// Ends the connection after the requests under way, because too many of its requests were refused.
    func takeNoMoreRequests() {}

    // MARK: Memory

    /// Charges the memory account of the connection for the stream and for its request head of `bytes` bytes.
    ///
    /// - Returns: false if the connection may not hold that much memory; then the function charges nothing.
    func admit(headOf bytes: Int) -> Bool {
        let account = connection.account
        guard cost.grow(to: Self.cost, on: account) else { return false }
        // The head is charged twice because the request to the executor has a head of about the same size.
        if head.grow(to: 2 * bytes, on: account) { return true }
        cost.set(0, on: account)
        return false
    }

    /// Ends the memory charge for the request head, because the handler has released the head.
    package func letGoOfHead() { head.set(0, on: connection.account) }

    /// Records for how many bytes of output the handler has reserved memory; 0 ends the reservation.
    package func payOutput(_ bytes: Int) {
        guard !isClosed else { return }
        outputPaid = bytes
        chargeOutput()
    }

    /// Charges the connection for the memory of output that exceeds `outputPaid`, the handler's reservation.
    ///
    /// The stream calls this function whenever its output grows or shrinks. The function does nothing while the
    /// reservation covers all output.
    func chargeOutput() {
        let beyond = output.footprint - outputPaid
        var charge = outputCharge
        guard beyond > 0 || charge.bytes > 0 else { return }
        charge.set(max(0, beyond), on: connection.account)
        outputCharge = charge
    }

    /// Ends all memory charges of the stream, because the stream has ended.
    func letGoOfMemory() {
        let account = connection.account
        cost.set(0, on: account)
        head.set(0, on: account)
        var charge = outputCharge
        charge.set(0, on: account)
        outputCharge = charge
    }

    // MARK: Responding

    /// The number of response bytes that wait to be sent to the client.
    package var buffered: Int { output.count }

    /// The later of two times of the event loop: when response bytes were last sent, and when response bytes last began
    /// to wait for the client after none had waited.
    package var lastProgress: Nanoseconds { lastMoved }

    /// Returns the head, and adds the fields that the operator has configured for all responses of the listener, except
    /// those that the head has already.
    final func completed(_ head: ResponseHead) -> ResponseHead {
        guard connection.hasResponseFields else { return head }
        var head = head
        head.fields.appendMissing(connection.settings.responseFields)
        return head
    }

    /// Sends 100 (Continue) or 103 (Early Hints).
    package func sendInformational(_ head: ResponseHead) {}
    /// Sends the head of the final response.
    ///
    /// If `end` is true, no body follows.
    package func respond(_ head: ResponseHead, end: Bool) {}
    /// Queues bytes of the response body.
    ///
    /// The bytes are sent in the flush phase of this turn of the event loop.
    package func send(_ bytes: Span<UInt8>) {}
    /// Queues bytes of the response body, without a copy if the framing allows it.
    package func send(_ shared: SharedBytes) {}
    /// Ends the response.
    ///
    /// Queued bytes of the body are sent first, in the same write as the end of the response.
    package func finish() {}
    /// Aborts the response.
    ///
    /// The stream still sends queued bytes. It then ends in a way that shows the client that the response is
    /// incomplete.
    package func abort() {}
    /// Reports that the handler has processed `bytes` bytes of the request body, so that the client may send as many
    /// more bytes.
    package func consumed(_ bytes: Int) {}
}
