// One command to the running server, and the answer.
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
    /// The user who sent the command; nil if the kernel does not report a user.
    private let user: PeerUser?
    /// Whether the client has disconnected, so that no answer is sent.
    private var hasLeft = false
    /// Waits until the attempts at an executor that the operator drains have ended; nil if the command does not wait.
    private var watch: AttemptWatch?

    init(server: CommandServer, head: RequestHead, stream: ServerStream, user: PeerUser?) {
        self.server = server
        self.head = head
        self.stream = stream
        self.user = user
    }

    // MARK: ServerStreamHandler

    func requestBegan() {
        do throws(CommandRequest.Problem) {
            let request = try CommandRequest(head.method, target: String(decoding: head.target, as: UTF8.self))
            if let asked = request.summary {
                OperatorLog.say("\(asked) asked by \(user.map { "\($0)" } ?? "a user")")
                if !request.hasOwnReport, let obstacle = server.actions.obstacle() {
                    throw .argument("\(asked) refused: \(obstacle)")
                }
            }
            try carryOut(request)
        } catch {
            switch error {
            case .unknownPath: ControlAnswer.send(Failure(.notFound), on: stream)
            case .otherMethod(let method): ControlAnswer.send(Failure(.methodNotAllowed), allow: method, on: stream)
            case .argument(let text): respond(CommandReport(isDone: false, lines: [text]))
            }
        }
    }

    func requestBody(_ bytes: Span<UInt8>) { stream.consumed(bytes.count) }
    func requestEnded() {}
    func clientLeft(_ end: ClientEnd) {
        hasLeft = true
        watch?.cancel()
        watch = nil
    }
    func outputMoved() {}
    func responseFinished() {}

    // MARK: Commands

    private func carryOut(_ request: CommandRequest) throws(CommandRequest.Problem) {
        switch request {
        case .reload: server.actions.reload { [self] in respond($0) }
        case .changes(let file): respond(server.actions.rehearse(file))
        case .status: ControlAnswer.send(status: 200, server.actions.status(), on: stream)
        case .order(let command): try order(command)
        case .maintain(let text, let retryAfter):
            let now = Clock.wallTime().seconds
            respond(
                server.actions.maintain(
                    Maintenance(text: text, retryAfter: retryAfter ?? Maintenance.retryAfterDefault, since: now)
                )
            )
        case .endMaintenance: respond(server.actions.maintain(nil))
        case .reopenLog: server.actions.reopenLog { [self] in respond($0) }
        case .upgrade: server.actions.upgrade { [self] in respond($0) }
        }
    }

    private func order(_ command: OrderCommand) throws(CommandRequest.Problem) {
        let outcome = try server.actions.order(command)
        OperatorLog.say(outcome.report.lines.joined(separator: "\n  "))
        guard command.waits, let watched = outcome.watch else {
            respond(outcome.report)
            return
        }
        watch = AttemptWatch(watched, loop: server.loop) { [unowned self] isDrained in
            var report = outcome.report
            report.isDone = isDrained
            report.lines.append(
                isDrained ? "the last attempt is over" : "it was resumed before its last attempt was over"
            )
            watch = nil
            respond(report)
        }
    }

    // MARK: Answers

    private func respond(_ report: ReloadReport) {
        guard !hasLeft else { return }
        ControlAnswer.send(status: report.outcome == .refused ? 422 : 200, report.json, on: stream)
    }

    private func respond(_ report: CommandReport) {
        guard !hasLeft else { return }
        ControlAnswer.send(status: report.isDone ? 200 : 422, report.json, on: stream)
    }

    private func respond(_ outcome: LogReopening) {
        guard !hasLeft else { return }
        var status = 200
        if case .failed = outcome { status = 422 }
        ControlAnswer.send(status: status, outcome.json, on: stream)
    }
}

extension CommandRequest {
    /// Whether the command is answered in a form of its own instead of with a `CommandReport`.
    ///
    /// `requestBegan` asks `Actions.obstacle` only before commands that are answered with a `CommandReport`. If this
    /// process refuses such a command, for example because it is not the main process, the report says so.
    fileprivate var hasOwnReport: Bool {
        switch self {
        case .reload, .changes, .status, .reopenLog: true
        case .order, .maintain, .endMaintenance, .upgrade: false
        }
    }

    /// How messages to the operator name the command; nil for commands that change nothing, which cause no message.
    fileprivate var summary: String? {
        switch self {
        case .changes, .status: return nil
        case .reload: return "reload"
        case .maintain: return "maintenance on"
        case .endMaintenance: return "maintenance off"
        case .reopenLog: return "log reopen"
        case .upgrade: return "upgrade"
        case .order(let command):
            let model = command.model.map { " for \(LogText.bounded($0))" } ?? ""
            let url = LogText.bounded(command.url)
            switch command.action {
            case .drain: return "drain of \(url)\(model)"
            case .resume: return "resume of \(url)\(model)"
            case .weight(let weight): return "weight \(weight) of \(url)\(model)"
            }
        }
    }
}
