// Replacing the snapshot while requests run and wait.
import Routing
import Synchronization
import Testing

@testable import Edge

/// Engines, executors and models keep their state when the configuration changes while requests run and wait.
@Suite struct SnapshotSwapTests {
    private let registry = Registry()

    private final class Granted: Sendable {
        private let taken = Mutex<[(String, Grant)]>([])
        var order: [String] { taken.withLock { $0.map(\.0) } }
        func take(_ name: String, _ end: WaitEnd) {
            if case .granted(let grant) = end { taken.withLock { $0.append((name, grant)) } }
        }
    }

    private func admit(_ name: String, to pool: ExecutorPool, _ granted: Granted) -> ExecutorPool.Admission {
        pool.admit(RoutingRequest(tenant: "t"), waitMax: 8_000_000_000, queueMax: 10, at: 1) { granted.take(name, $0) }
    }

    private static let first = """
        - {id: a, executors: [{url: "http://e1", max_running: 1}, {url: "http://e2", max_running: 1}]}
        - {id: b, executors: [{url: "http://e3"}]}
        """
    /// The second configuration: another order, a new executor, a new model, `e1` removed, and `b` renamed.
    private static let second = """
        - {id: c, executors: [{url: "http://e3"}]}
        - {id: new, executors: [{url: "http://e4"}]}
        - {id: a, executors: [{url: "http://e4", max_running: 1}, {url: "http://e2", max_running: 1}]}
        """

    @Test func healthCountsAndQueuesStayWhereTheyBelong() throws {
        let before = try registry.resolve(models: Self.first)
        let (pool, granted) = (before.model("a").pool, Granted())
        let (e1, e2) = (before.executor("a", "e1"), before.executor("a", "e2"))
        for name in ["1", "2", "3", "4"] { _ = admit(name, to: pool, granted) }
        #expect(e1.running == 1 && e2.running == 1 && pool.waitingCount == 2)
        for _ in 0..<3 { before.model("b").pool.report(.busy(5), of: before.executor("b", "e3"), at: 1) }

        let after = try registry.resolve(models: Self.second)
        let newPool = after.model("a").pool
        #expect(after.executor("a", "e2") === e2 && e2.running == 1 && newPool.waitingCount == 2)
        #expect(after.executor("c", "e3").engine === before.executor("b", "e3").engine, "another name, one server")
        #expect(after.model("c").entry !== before.model("b").entry)
        // "3" and "4" wait since the first snapshot. "3" gets `e1` when an exchange there ends, because only the first
        // snapshot has `e1`. "5" gets the new executor before "4", because only the second snapshot has it.
        #expect(admit("5", to: newPool, granted).isWaiting)
        pool.release(e1, began: 1, at: 2)
        #expect(granted.order == ["3", "5"] && newPool.waitingCount == 1)
        #expect(e1.running == 1 && after.executor("a", "e4").running == 1)
        newPool.release(e2, began: 1, at: 4)
        #expect(granted.order == ["3", "5", "4"] && e2.running == 1 && newPool.waitingCount == 0)

        // The first configuration returns: `e1` still has its running exchange.
        let back = try registry.resolve(models: Self.first)
        #expect(back.executor("a", "e1") === e1 && back.executor("a", "e1").running == 1)
        #expect(back.model("b").entry === before.model("b").entry)
        #expect(back.executor("b", "e3") === before.executor("b", "e3"))
        // In a new registry, `e1` has no running exchange.
        #expect(try Registry().resolve(models: Self.first).executor("a", "e1").running == 0)
    }

    @Test func healthIsFoundAgain() throws {
        let before = try registry.resolve(models: Self.first)
        let e2 = before.executor("a", "e2")
        for _ in 0..<3 { before.model("a").pool.report(.fault(.connection), of: e2, at: 1) }
        let after = try registry.resolve(models: Self.second)
        let statuses = after.model("a").pool.statuses(at: 2)
        #expect(statuses.map(\.isUsable) == [true, false] && statuses[1].executor === e2)
        #expect(after.model("c").pool.statuses(at: 2)[0].isUsable)
    }

    @Test func metricRowsStayWhereTheyBelong() throws {
        let before = try registry.resolve(models: Self.first)
        let metrics = WorkerMetrics(tenants: TenantLabels())
        // Each model has a row of metrics. A running exchange keeps the row with which it began, even after a reload.
        let row = metrics.row(of: before.model("a").entry)
        let old = metrics.row(of: before.model("b").entry)
        row.counts.gap.observe(1000)
        row.attemptEnded(0, executor: before.executor("a", "e2").id)
        metrics.exchangeEnded(.complete, row: old, bytesIn: 1, bytesOut: 2)

        let after = try registry.resolve(models: Self.second)
        metrics.keep(after.knownModels)
        row.counts.gap.observe(1000)
        #expect(metrics.row(of: after.model("a").entry) === row)
        let counts = metrics.counters.models[after.model("a").entry.id]
        #expect(counts?.gap.count == 2 && counts?.attempts[after.executor("a", "e2").id]?[0] == 1)
        #expect(metrics.counters.models[after.model("c").entry.id] == nil, "a new name has a row of its own")
        // The model with the old name is still known, because the test still holds the first snapshot.
        let back = try registry.resolve(models: Self.first)
        metrics.keep(back.knownModels)
        #expect(metrics.row(of: back.model("b").entry) === old && old.counts.ends[0] == 1)
        #expect(metrics.counters.bytesOut == 2)
    }

    @Test func rowsOfModelsThatNobodyNamesAreDropped() throws {
        let metrics = WorkerMetrics(tenants: TenantLabels())
        var snapshot = try registry.resolve(models: Self.first)
        let id = metrics.row(of: snapshot.model("b").entry).id
        for _ in 0..<2 { snapshot = try registry.resolve(models: Self.second) }
        metrics.keep(snapshot.knownModels)
        #expect(metrics.counters.models[id] == nil)
        #expect(metrics.counters.models[WorkerCounters.noModel] != nil)
    }
}

extension ExecutorPool.Admission {
    fileprivate var isWaiting: Bool {
        if case .waiting = self { return true }
        return false
    }
}
