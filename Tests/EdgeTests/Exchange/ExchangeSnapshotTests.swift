import HTTP
import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

/// A configuration is replaced while exchanges run and wait.
///
/// Each exchange ends with the snapshot that it began with, and the metrics of a model go on.
@Suite struct ExchangeSnapshotTests {
    private let registry = Registry()
    private let first = """
        - {id: m, executors: [{url: 'http://one:1', max_running: 1}]}
        - {id: gone, executors: [{url: 'http://two:1'}]}
        """
    /// The models in another order: with a new model and a new executor, without the model `gone`, and with another
    /// limit for the executor `one`.
    private let second = """
        - {id: added, executors: [{url: 'http://three:1'}]}
        - {id: m, executors: [{url: 'http://three:1'}, {url: 'http://one:1', max_running: 2}]}
        """

    private func snapshot(_ models: String) throws -> Snapshot { try testSnapshot(models: models, registry: registry) }

    private func answer(_ executor: PlayedExecutor) {
        executor.answer()
        executor.say(Said.token + Said.done)
        executor.end()
    }

    @Test func liveExchangesKeepTheirSnapshotAndTheirCounts() throws {
        let environment = TestEnvironment(try snapshot(first))
        let clients = try (0..<3).map { _ in try TestClient(environment) }
        clients[0].ask()
        clients[1].ask()
        clients[2].ask(chat(model: "gone"))
        let (running, waiting) = (environment.exchanges[0], environment.exchanges[1])
        #expect(running.phase == .attempt && waiting.phase == .queued)
        let one = environment.executors[0].target.executor

        let after = try snapshot(second)
        environment.snapshot = after
        let pool = after.pool(of: "m")
        #expect(pool.members.contains { $0.executor === one } && one.running == 1 && pool.waitingCount == 1)
        #expect(running.snapshot.generation == 1 && after.generation == 2)

        // The waiting exchange is served by an executor of its own snapshot; the others end normally.
        answer(environment.executors[0])
        clients[0].settle()
        #expect(waiting.phase == .attempt && environment.executors[2].target.executor === one)
        answer(environment.executors[2])
        answer(environment.executors[1])
        clients[0].settle()
        #expect(environment.finished.count == 3 && environment.finished.allSatisfy { $0.end == .complete })

        // A new exchange uses the new snapshot. The model's metrics go on in the same counters as before.
        let later = try TestClient(environment)
        later.ask()
        answer(environment.executors[3])
        later.settle()
        #expect(environment.exchanges[3].snapshot === after)
        let rows = environment.metrics.counters.models
        let model = try #require(after.models.first { $0.entry.name == "m" })
        #expect(rows[model.entry.id]?.ends[Ending.index(of: .complete)] == 3)
        #expect(one.running == 0 && pool.waitingCount == 0)

        // The removed model is added again, and its metrics go on. They were kept because an exchange that still ran
        // referred to the model all the time.
        let back = try snapshot(first)
        let gone = try #require(back.models.first { $0.entry.name == "gone" })
        #expect(rows[gone.entry.id]?.ends[Ending.index(of: .complete)] == 1)
        #expect(gone.pool.members[0].executor === environment.executors[1].target.executor)
    }
}
