// One request to the admin listener and its response.
internal import Configuration
internal import HTTP
internal import Inference
internal import Transport

/// Answers one request to the admin listener as soon as its head has arrived; a request body is read and dropped.
///
/// Confined to the control thread.
final class AdminExchange: ServerStreamHandler {
    private let server: AdminServer
    private let head: RequestHead
    private let stream: ServerStream

    init(server: AdminServer, head: RequestHead, stream: ServerStream) {
        self.server = server
        self.head = head
        self.stream = stream
    }

    // MARK: ServerStreamHandler

    func requestBegan() {
        let isUnix = server.address.isUnix
        guard isUnix || AdminHost.isAllowed(head.authority, hosts: server.running.configuration.admin.hosts) else {
            let sentence = "The admin listener is not asked under this name: add it to admin.hosts, or use an address."
            respond(Failure(.forbidden, sentence))
            return
        }
        guard head.method == .get || head.method == .head else {
            respond(Failure(.methodNotAllowed), allow: "GET, HEAD")
            return
        }
        switch String(decoding: head.target.prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self) {
        case "/health": respond(status: 200, Array(#"{"status":"ok"}"#.utf8))
        case "/health/ready":
            let status = server.state == .ready ? 200 : 503
            respond(status: status, Array(#"{"status":"\#(server.state.rawValue)"}"#.utf8))
        case "/health/deep":
            let page = DeepHealth(server)
            respond(status: page.isGood ? 200 : 503, page.json)
        case "/metrics":
            // If the client disconnects before the workers have answered, the stream drops the response.
            server.collector.ask { [self] in
                respond(status: 200, MetricsPage(server).bytes, type: PrometheusText.contentType)
            }
        case "/":
            let paths = #"{"metrics":"/metrics","health":["/health","/health/ready","/health/deep"]}"#
            respond(status: 200, Array(paths.utf8))
        default: respond(Failure(.notFound))
        }
    }

    func requestBody(_ bytes: Span<UInt8>) { stream.consumed(bytes.count) }
    func requestEnded() {}
    func clientLeft(_ end: ClientEnd) {}
    func outputMoved() {}
    func responseFinished() {}

    // MARK: Responses

    private func respond(_ failure: Failure, allow: String? = nil) {
        respond(status: failure.status, failure.body(.other, requestID: ""), allow: allow)
    }

    private func respond(
        status: Int,
        _ body: [UInt8],
        type: String = "application/json",
        allow: String? = nil
    ) {
        ControlAnswer.send(status: status, body, type: type, allow: allow, isHEAD: head.method == .head, on: stream)
    }
}
