import Configuration
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

@Suite struct CountSharingTests {
    /// Begins an attempt for the model `b`, whose only engine allows two attempts at a time; false if none is free.
    private func begins(_ process: UpgradeProcess) -> Bool {
        if case .executor = process.pool("b").choose(at: process.now) { return true }
        return false
    }

    @Test func limitsHoldFromTheBeginningOfSharingToItsEnd() throws {
        let (old, new) = (try UpgradeProcess(), try UpgradeProcess())
        #expect(begins(old))
        let table = try SharedCounts.create(rows: 1024)
        old.sharing.begin(table)
        new.sharing.begin(try table.mapped())
        #expect(begins(new) && !begins(new) && !begins(old))
        // The old process ends. No other process shares the counts, so the new one ends the sharing.
        table.clear(0)
        new.sharing.end()
        #expect(new.sharing.counts == nil && begins(new) && !begins(new))
        old.sharing.end()
    }

    @Test func requestsThatWaitGetSlotsThatOtherProcessesFree() throws {
        let (old, new) = (try UpgradeProcess(), try UpgradeProcess())
        let table = try SharedCounts.create(rows: 1024)
        old.sharing.begin(table)
        new.sharing.begin(try table.mapped())
        #expect(begins(old) && begins(old))
        let granted = Lock(0)
        let pool = new.pool("b")
        let admission = pool.admit(RoutingRequest(), waitMax: 8_000_000_000, queueMax: 9, at: new.now) { _ in
            granted.withLock { $0 += 1 }
        }
        guard case .waiting = admission else {
            Issue.record("it does not wait: \(admission)")
            return
        }
        new.test.pass(20_000_000)
        #expect(granted.withLock { $0 } == 0)
        old.pool("b").release(old.executor("b", port: 9), began: old.now, at: old.now)
        new.test.pass(20_000_000)
        #expect(granted.withLock { $0 } == 1)
        for process in [old, new] { process.sharing.end() }
    }

    @Test func executorsOfALaterConfigurationAreShared() throws {
        let (old, new) = (try UpgradeProcess(models: "- {id: x, executors: [{url: 'http://e'}]}"), try UpgradeProcess())
        let table = try SharedCounts.create(rows: 1024)
        old.sharing.begin(table)
        new.sharing.begin(try table.mapped())
        let snapshot = try old.running.registry.resolve(models: UpgradeProcess.models)
        #expect(begins(new))
        let pool = snapshot.model("b").pool
        guard case .executor(let executor, _) = pool.choose(at: 0), case .full = pool.choose(at: 0) else {
            Issue.record("the engine takes one more attempt")
            return
        }
        #expect(executor.running == 1)
        for process in [old, new] { process.sharing.end() }
    }

    @Test func memoryAndConnectionsAreExchanged() throws {
        let (old, new) = (
            try UpgradeProcess(more: "max_connections: 10"), try UpgradeProcess(more: "max_connections: 10")
        )
        for _ in 0..<6 { #expect(old.process.takeRoom(old.running.snapshot) == nil) }
        #expect(old.process.budget.reserve(1 << 29))
        let table = try SharedCounts.create(rows: 1024)
        old.sharing.begin(table)
        new.sharing.begin(try table.mapped())
        #expect(!new.process.budget.reserve(1 << 29) && new.process.budget.reserve(1 << 28))
        for _ in 0..<4 { #expect(new.process.takeRoom(new.running.snapshot) == nil) }
        #expect(new.process.takeRoom(new.running.snapshot) == .maxConnections)
        for _ in 0..<6 { old.process.connectionEnded() }
        old.process.budget.release(1 << 29)
        for process in [old, new] { for _ in 0..<5 { process.test.pass(20_000_000) } }
        #expect(new.process.budget.reserve(1 << 29) && new.process.takeRoom(new.running.snapshot) == nil)
        for process in [old, new] { process.sharing.end() }
    }

    @Test func aFullTableIsReportedOnce() throws {
        let process = try UpgradeProcess()
        process.sharing.begin(try SharedCounts.create(rows: 4))
        #expect(process.said.count == 1 && process.said[0].contains("too many"))
        for _ in 0..<20 { process.test.pass(20_000_000) }
        #expect(process.said.count == 1)
        process.sharing.end()
    }
}
