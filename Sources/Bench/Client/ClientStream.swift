// One request of a bench and its response, independent of the HTTP version.
internal import Transport

/// A request to the measured server.
struct ClientRequest {
    var method = "POST"
    var path: String
    /// The header fields, with names in lower case.
    ///
    /// The connection adds `content-length`, `host` and pseudo-header fields.
    var fields: [(name: String, value: String)]
    var body: [UInt8] = []

    /// A request for a streamed chat completion.
    ///
    /// - Parameters:
    ///   - body: the body, as JSON.
    ///   - apiKey: the API key that the request carries; nil for none.
    ///   - id: the value of `x-request-id`; nil for none.
    static func chat(_ body: [UInt8], apiKey: String?, id: String? = nil) -> ClientRequest {
        var fields = [
            (name: "content-type", value: "application/json"), (name: "accept", value: "text/event-stream"),
            (name: "user-agent", value: "freeinference-bench"),
        ]
        if let id { fields.append((name: "x-request-id", value: id)) }
        if let apiKey { fields.append((name: "authorization", value: "Bearer \(apiKey)")) }
        return ClientRequest(path: "/v1/chat/completions", fields: fields, body: body)
    }
}

/// How a response ended.
enum StreamEnd: Equatable {
    /// The response is complete according to its HTTP framing.
    case whole
    /// The server reset the stream with this error code.
    case reset(UInt32)
    /// The connection ended, or could not be established.
    ///
    /// The associated text is the reason.
    case cut(String)
}

/// Receives one response.
///
/// After `ended`, no further method is called.
protocol ClientStreamHandler: AnyObject {
    /// The head of the final response (status 200 or above) has arrived.
    func responded(status: Int)
    /// Bytes of the body have arrived; `bytes` is valid only during the call.
    ///
    /// - Parameter now: when the bytes were read from the socket, by CLOCK_MONOTONIC.
    func received(_ bytes: Span<UInt8>, at now: Nanoseconds)
    /// The response has ended.
    func ended(_ end: StreamEnd)
}

/// One request and its response, on one connection.
final class ClientStream {
    private(set) var request: ClientRequest
    var handler: (any ClientStreamHandler)?
    /// The HTTP/2 stream identifier; 0 until the request is submitted, and always with HTTP/1.1.
    var id: Int32 = 0
    /// The size of the body, also after `releaseBody`.
    let bodySize: Int
    /// How many bytes of the body have been sent.
    var bodySent = 0
    /// How many bytes of the body may be sent.
    ///
    /// If the limit is smaller than the body, the request stays incomplete.
    let bodyLimit: Int
    /// The time just before the client sent the reset or closed the connection; nil until then.
    var resetAt: Nanoseconds?

    init(_ request: ClientRequest, bodyLimit: Int = .max, handler: any ClientStreamHandler) {
        self.request = request
        bodySize = request.body.count
        self.bodyLimit = min(bodyLimit, request.body.count)
        self.handler = handler
    }

    /// Frees the memory of the body, which has been sent.
    ///
    /// The body of a long prompt would otherwise stay in memory until the end of the response.
    func releaseBody() { request.body = [] }

    /// Reports the end of the response to the handler; only the first call has an effect.
    func finish(_ end: StreamEnd) {
        let last = handler
        handler = nil
        last?.ended(end)
    }
}

/// A connection to the measured server.
///
/// Streams may be opened before the connection is established.
protocol ClientConnection: AnyObject {
    /// Whether another stream may be opened.
    var isUsable: Bool { get }
    /// How many streams the server accepts at once; nil until the connection is established and the server has said so.
    var streamsAllowed: Int? { get }
    /// How many streams are open, including those that wait until the connection is established.
    var streamsOpen: Int { get }
    /// Why the connection has ended; nil if it has not ended.
    var endReason: String? { get }
    /// Opens a stream: sends its request as soon as the connection is established.
    func open(_ stream: ClientStream)
    /// Cancels a stream: with RST_STREAM(CANCEL) on HTTP/2, by closing the connection on HTTP/1.1.
    ///
    /// The handler of the stream receives no further calls.
    func reset(_ stream: ClientStream)
    /// Closes the connection at once.
    ///
    /// The handlers of its streams receive no further calls.
    func close()
}
