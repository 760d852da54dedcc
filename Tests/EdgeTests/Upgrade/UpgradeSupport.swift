// Plays the two processes of an upgrade within one test process.
import Configuration
import Glibc
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

/// The state of one server process without worker threads; the test begins and ends attempts in place of workers.
final class UpgradeProcess {
    let test = TestLoop()
    let running: RunningConfiguration
    let process: ProcessState
    private(set) var said: [String] = []
    private(set) lazy var sharing = CountSharing(loop: test.loop, running: running, process: process) {
        [unowned self] text, _ in said.append(text)
    }

    static let models = """
        - {id: a, executors: [{url: 'http://127.0.0.1:9', max_running: 2}, {url: 'http://127.0.0.1:10'}]}
        - {id: b, executors: [{url: 'http://127.0.0.1:9'}]}
        """

    init(models: String = models, more: String = "", inherited: InheritedState? = nil) throws {
        let text = """
            listeners: [{address: '127.0.0.1:0'}]
            admin: {address: '127.0.0.1:0', socket: off}
            \(more)
            models:
            \(models)
            """
        let budget = MemoryBudget(limit: 1 << 30)
        let log = LogSink()
        running = try RunningConfiguration(
            configuration(text),
            environment: [:],
            budget: budget,
            log: log,
            inherited: inherited
        )
        process = ProcessState(
            budget: budget,
            log: log,
            ticketKeys: TicketKeys { 1_000_000 },
            workers: 1,
            poller: .epoll,
            instanceID: inherited?.instanceID
        )
    }

    deinit { running.sockets.close() }

    var now: Nanoseconds { test.loop.now }
    func pool(_ model: String) -> ExecutorPool { running.snapshot.model(model).pool }
    /// The executor of a model at this port of 127.0.0.1.
    func executor(_ model: String, port: Int) -> Executor {
        pool(model).members.first { $0.executor.name == "http://127.0.0.1:\(port)" }!.executor
    }
}

extension SharedCounts {
    /// Maps the table of shared counts once more, as another process does.
    func mapped() throws -> SharedCounts {
        let column = try #require(allot())
        return try SharedCounts.adopt(dup(descriptor), column: column)
    }
}
