import LoopTesting
import Routing
import Testing

@testable import Edge

/// Tests how the command to drain an executor waits until the executor's last attempt has ended.
@Suite struct AttemptWatchTests {
    private let test = TestLoop()
    private let registry = Registry()
    private let target = ExecutorOrders.Target(url: "http://e1:80")

    @Test func itIsOverWithTheLastAttempt() throws {
        let pool = try registry.resolve(models: "- {id: a, executors: [{url: 'http://e1'}]}").pool(of: "a")
        let executor = pool.members[0].executor
        for _ in 0..<2 { _ = pool.choose(at: 1) }
        registry.give(.drain, to: target, at: 1)
        var ends: [Bool] = []
        let watched = AttemptWatch.Watched(executors: [executor], isWholeEngine: true)
        let watch = AttemptWatch(watched, loop: test.loop) { ends.append($0) }
        // A reload removes the executor while the command waits for the executor's attempts to end.
        _ = try registry.resolve(models: "- {id: a, executors: [{url: 'http://e2'}]}")
        test.pass(AttemptWatch.interval)
        pool.release(executor, began: 1, at: 1)
        test.pass(AttemptWatch.interval)
        #expect(ends.isEmpty && watched.running == 1)
        pool.release(executor, began: 1, at: 1)
        test.pass(AttemptWatch.interval)
        #expect(ends == [true])
        watch.cancel()
    }

    @Test func aResumedExecutorEndsIt() throws {
        let pool = try registry.resolve(models: "- {id: a, executors: [{url: 'http://e1'}]}").pool(of: "a")
        _ = pool.choose(at: 1)
        registry.give(.drain, to: target, at: 1)
        let watched = AttemptWatch.Watched(executors: pool.members.map(\.executor), isWholeEngine: false)
        var ends: [Bool] = []
        let watch = AttemptWatch(watched, loop: test.loop) { ends.append($0) }
        let cancelled = AttemptWatch(watched, loop: test.loop) { _ in Issue.record("it was cancelled") }
        cancelled.cancel()
        registry.give(.resume, to: target, at: 2)
        test.pass(AttemptWatch.interval)
        #expect(ends == [false])
        watch.cancel()
        pool.release(pool.members[0].executor, began: 1, at: 2)
    }

    @Test func nothingUnderWayIsOverAtOnce() throws {
        let pool = try registry.resolve(models: "- {id: a, executors: [{url: 'http://e1'}]}").pool(of: "a")
        registry.give(.drain, to: target, at: 1)
        var ends: [Bool] = []
        let watched = AttemptWatch.Watched(executors: pool.members.map(\.executor), isWholeEngine: true)
        _ = AttemptWatch(watched, loop: test.loop) { ends.append($0) }
        #expect(ends == [true])
    }
}
