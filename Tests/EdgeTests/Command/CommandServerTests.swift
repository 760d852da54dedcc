import Configuration
import HTTP
import LoopTesting
import Synchronization
import Testing
import Transport

@testable import Edge

/// Tests the command socket, with real connections.
///
/// The server runs on one thread, and the command line's client on another thread.
@Suite struct CommandServerTests {
    private let path = temporaryDirectory() + "/admin.sock"
    private let process = ProcessState(
        budget: MemoryBudget(limit: 1 << 30),
        log: LogSink(),
        ticketKeys: TicketKeys { 0 },
        workers: 1,
        poller: .epoll
    )

    /// Sends a command from another thread, and turns the server's loop until the answer has arrived.
    private func answer(
        _ method: HTTP.Method,
        _ target: String,
        obstacle: String? = nil,
        reload: @escaping (@escaping (ReloadReport) -> Void) -> Void = { _ in },
        rehearse: @escaping (String?) -> ReloadReport = { _ in ReloadReport(outcome: .unchanged, generation: 1) },
        reopenLog: @escaping (@escaping (LogReopening) -> Void) -> Void = { $0(.isStdout) }
    ) throws -> CommandClient.Answer {
        let loop = EventLoop()
        let server = CommandServer(
            loop: loop,
            process: process,
            environment: [:],
            actions: CommandServer.Actions(
                obstacle: { obstacle },
                reload: reload,
                rehearse: rehearse,
                status: { Array("{}".utf8) },
                order: { _ throws(CommandRequest.Problem) in throw .argument("no executor") },
                maintain: { maintenance in
                    CommandReport(isDone: true, lines: [maintenance?.text ?? "off"])
                },
                reopenLog: reopenLog,
                upgrade: { $0(CommandReport(isDone: true, lines: ["upgraded"])) }
            )
        )
        var configuration = Configuration(listeners: [], models: [])
        configuration.admin.commandSocket = .path(path)
        server.adopt(configuration)
        let mailbox = Mailbox<Bool>()
        let result = Lock<Result<CommandClient.Answer, CommandClient.Failure>?>(nil)
        let path = path
        let thread = Transport.Thread(name: "client") {
            do throws(CommandClient.Failure) {
                let answer = try CommandClient.send(method, target, to: ["/nowhere.sock", path])
                result.withLock { $0 = .success(answer) }
            } catch {
                result.withLock { $0 = .failure(error) }
            }
            mailbox.post(true)
        }
        var isOver = false
        loop.attach(mailbox) { _ in isOver = true }
        while !isOver { loop.turn() }
        thread.join()
        server.close()
        loop.dismantle()
        return try #require(result.withLock { $0 }).get()
    }

    @Test func aReloadIsAnsweredWhenItIsOver() throws {
        var report = ReloadReport(outcome: .applied, generation: 4)
        report.changes = ["x"]
        let expected = report
        let done = try answer(.post, "/reload", reload: { $0(expected) })
        #expect(done.status == 200 && ReloadReport(json: done.body) == expected)
        report.outcome = .refused
        let other = report
        #expect(try answer(.post, "/reload", reload: { $0(other) }).status == 422)
    }

    @Test func theLogFileIsOpenedAgain() throws {
        for (outcome, status) in [(LogReopening.reopened(path: "/l"), 200), (.isStdout, 200), (.failed("why"), 422)] {
            let done = try answer(.post, "/log/reopen", reopenLog: { $0(outcome) })
            #expect(done.status == status && LogReopening(json: done.body) == outcome)
        }
    }

    @Test func aFileIsNamedInHexadecimal() throws {
        let asked = Lock<[String?]>([])
        let rehearse = { (path: String?) in
            asked.withLock { $0.append(path) }
            return ReloadReport(outcome: .unchanged, generation: 1)
        }
        let name = "/a b/\u{e9}.yaml"
        _ = try answer(.get, "/changes?file=\(Hexadecimal.text(Array(name.utf8)))", rehearse: rehearse)
        _ = try answer(.get, "/changes", rehearse: rehearse)
        #expect(try answer(.get, "/changes?file=xyz", rehearse: rehearse).status == 422)
        #expect(asked.withLock { $0 } == [name, nil], "the server's own file is not taken for a faulty one")
    }

    /// During an upgrade the old process refuses all commands that change something, because the new process would not
    /// know of the change.
    @Test func aProcessThatHandsOverChangesNothing() throws {
        let obstacle = "an upgrade is under way"
        for path in ["/upgrade", "/maintenance/on", "/maintenance/off"] {
            let refused = try answer(.post, path, obstacle: obstacle)
            let report = CommandReport(json: refused.body)
            #expect(refused.status == 422 && report?.lines.first?.contains(obstacle) == true, "\(path)")
        }
        #expect(try answer(.get, "/status", obstacle: obstacle).status == 200)
    }

    @Test func whatIsNoCommandIsRefused() throws {
        for path in ["/reload", "/log/reopen"] { #expect(try answer(.get, path).status == 405) }
        #expect(try answer(.post, "/changes").status == 405)
        #expect(try answer(.get, "/other").status == 404)
        #expect(throws: CommandClient.Failure.self) { try CommandClient.send(.get, "/", to: ["/nowhere.sock"]) }
    }
}
