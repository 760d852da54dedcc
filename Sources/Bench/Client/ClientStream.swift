// One request of a bench and its response, whichever HTTP version carries them.
internal import Transport

/// A request to the server under test.
struct ClientRequest {
    var method = "POST"
    var path: String
    /// The fields, with names in lower case; the connection adds `content-length`, `host` and the pseudo fields.
    var fields: [(name: String, value: String)]
    var body: [UInt8] = []
}

/// How a response ended.
enum StreamEnd: Equatable {
    /// The response is whole, as far as its framing shows.
    case whole
    /// The server has reset the stream, with this code.
    case reset(UInt32)
    /// The connection ended or was never established; the text says why.
    case cut(String)
}

/// Receives one response; no call follows after `ended`.
protocol ClientStreamHandler: AnyObject {
    /// The final head has arrived.
    func responded(status: Int)
    /// Bytes of the body have arrived; they are valid during the call.
    ///
    /// - Parameter now: when the bytes were taken from the socket.
    func received(_ bytes: Span<UInt8>, at now: Nanoseconds)
    /// The response has ended.
    func ended(_ end: StreamEnd)
}

/// One request and its response on a connection.
final class ClientStream {
    let request: ClientRequest
    var handler: (any ClientStreamHandler)?
    /// The stream identifier of HTTP/2; 0 until the request is submitted.
    var id: Int32 = 0
    /// Bytes of the body that have been sent.
    var bodySent = 0
    /// How many bytes of the body may be sent; the request stays open if this is less than all.
    let bodyLimit: Int
    /// The moment before the reset was written or the connection was closed.
    var resetAt: Nanoseconds?

    init(_ request: ClientRequest, bodyLimit: Int = .max, handler: any ClientStreamHandler) {
        self.request = request
        self.bodyLimit = min(bodyLimit, request.body.count)
        self.handler = handler
    }

    /// Reports the end, once.
    func finish(_ end: StreamEnd) {
        let last = handler
        handler = nil
        last?.ended(end)
    }
}

/// A connection to the server under test; streams may be opened before it is established.
protocol ClientConnection: AnyObject {
    /// Whether another stream may be opened.
    var isUsable: Bool { get }
    /// Sends a request.
    func open(_ stream: ClientStream)
    /// Cancels a stream, by RST_STREAM(CANCEL) or on HTTP/1.1 by closing the connection; its handler gets no more calls.
    func reset(_ stream: ClientStream)
    /// Closes the connection now; the handlers of its streams get no more calls.
    func close()
}
