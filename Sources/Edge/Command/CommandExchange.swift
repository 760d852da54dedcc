// One command to the running server and its answer.
internal import HTTP
internal import Inference
internal import Transport

/// Answers one request on the command socket; a request body is read and dropped.
///
/// Confined to the control thread.
final class CommandExchange: ServerStreamHandler {
    private let server: CommandServer
    private let head: RequestHead
    private let stream: ServerStream
    /// Whether the client has left, so that an answer is for nobody.
    private var hasLeft = false

    init(server: CommandServer, head: RequestHead, stream: ServerStream) {
        self.server = server
        self.head = head
        self.stream = stream
    }

    // MARK: ServerStreamHandler

    func requestBegan() {
        let target = String(decoding: head.target, as: UTF8.self)
        let path = String(target.prefix { $0 != "?" })
        let query = target.contains("?") ? String(target.drop { $0 != "?" }.dropFirst()) : nil
        switch (head.method, path) {
        case (.post, "/reload"): server.actions.reload { [self] in respond($0) }
        case (.get, "/changes"): respond(server.actions.rehearse(query.flatMap { Self.decoded($0) }))
        case (.post, "/log/reopen"): server.actions.reopenLog { [self] in respond($0) }
        case (_, "/reload"), (_, "/log/reopen"):
            ControlAnswer.send(Failure(.methodNotAllowed), allow: "POST", on: stream)
        case (_, "/changes"): ControlAnswer.send(Failure(.methodNotAllowed), allow: "GET", on: stream)
        default: ControlAnswer.send(Failure(.notFound), on: stream)
        }
    }

    func requestBody(_ bytes: Span<UInt8>) { stream.consumed(bytes.count) }
    func requestEnded() {}
    func clientLeft(_ end: ClientEnd) { hasLeft = true }
    func outputMoved() {}
    func responseFinished() {}

    // MARK: Answers

    private func respond(_ report: ReloadReport) {
        guard !hasLeft else { return }
        ControlAnswer.send(status: report.outcome == .refused ? 422 : 200, report.json, on: stream)
    }

    private func respond(_ outcome: LogReopening) {
        guard !hasLeft else { return }
        var status = 200
        if case .failed = outcome { status = 422 }
        ControlAnswer.send(status: status, outcome.json, on: stream)
    }

    /// The value of the query `file=PATH` in hexadecimal digits, as the command line sends it.
    private static func decoded(_ query: String) -> String? {
        guard query.hasPrefix("file="), let bytes = Hexadecimal.bytes(String(query.dropFirst(5))) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
