// One request of a bench's and its answer, whatever carries them.
internal import Transport

struct ClientRequest {
    var method = "POST"
    var path: String
    /// Names in lower case; `content-length`, `host` and the pseudo fields are the connection's.
    var fields: [(name: String, value: String)]
    var body: [UInt8] = []
}

/// How an answer ended.
enum StreamEnd: Equatable {
    /// In order, as far as the framing goes.
    case whole
    /// RST_STREAM with this code.
    case reset(UInt32)
    /// The connection ended, or never began; why, in a few words.
    case cut(String)
}

/// Hears of one stream.
///
/// After `ended` no call follows.
protocol ClientStreamHandler: AnyObject {
    func responded(status: Int)
    /// - Parameter now: when the bytes were taken from the socket.
    func received(_ bytes: Span<UInt8>, at now: Nanoseconds)
    func ended(_ end: StreamEnd)
}

final class ClientStream {
    let request: ClientRequest
    var handler: (any ClientStreamHandler)?
    /// HTTP/2: 0 until the request is submitted.
    var id: Int32 = 0
    var bodySent = 0
    /// How much of the body may be sent.
    ///
    /// Below its count, the request stays open.
    let bodyLimit: Int
    /// The moment before the write, or the close, that told the server that nobody wants the answer any more.
    var resetAt: Nanoseconds?

    init(_ request: ClientRequest, bodyLimit: Int = .max, handler: any ClientStreamHandler) {
        self.request = request
        self.bodyLimit = min(bodyLimit, request.body.count)
        self.handler = handler
    }

    func finish(_ end: StreamEnd) {
        let last = handler
        handler = nil
        last?.ended(end)
    }
}

/// A connection to the server under test.
///
/// Streams may be opened before it is established.
protocol ClientConnection: AnyObject {
    /// Another stream may be opened on it.
    var isUsable: Bool { get }
    func open(_ stream: ClientStream)
    /// RST_STREAM(CANCEL), or over HTTP/1.1 the end of the connection. The stream's handler hears no more.
    func reset(_ stream: ClientStream)
    /// Ends the connection now; its streams hear no more.
    func close()
}
