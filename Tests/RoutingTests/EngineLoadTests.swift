import Testing
import Transport

@testable import Routing

/// What the edge does with the load that engines report: for example, it infers how many requests come from elsewhere.
@Suite struct EngineLoadTests {
    private static let second: Nanoseconds = 1_000_000_000

    private static func load(running: Int? = nil, waiting: Int? = nil, tokens: Int? = nil) -> EngineLoad {
        var load = EngineLoad()
        (load.running, load.waiting, load.cacheTokens) = (running, waiting, tokens)
        return load
    }

    @Test func strangersAreTheSmallerOfTwoWords() {
        let engine = Engine(id: 1, name: "http://e")
        #expect(engine.strangers == 0)
        engine.says(Self.load(running: 3, waiting: 2), at: 1)
        #expect(engine.strangers == 5 && engine.strangersWhileNew == 5)
        engine.says(Self.load(running: 9), at: 2)
        #expect(engine.strangers == 5)
        engine.attemptBegan(promptBytes: 0)
        engine.says(Self.load(running: 9), at: 3)
        #expect(engine.strangers == 8)
        engine.says(Self.load(running: 0), at: 4)
        #expect(engine.strangers == 0)
    }

    @Test func aSizeStaysUntilTheEngineIsLost() {
        let engine = Engine(id: 1, name: "http://e")
        engine.says(Self.load(running: 3, tokens: 1000), at: 1)
        engine.says(Self.load(running: 3), at: 2)
        #expect(engine.words.load.cacheTokens == 1000 && engine.words.load.running == 3)
        engine.saysNothing()
        #expect(engine.words.load == Self.load(tokens: 1000) && engine.strangers == 0)
        engine.forgetWords()
        #expect(engine.words.load == EngineLoad())
    }

    @Test func absurdWordsAreBounded() {
        let engine = Engine(id: 1, name: "http://e")
        engine.says(Self.load(running: .max, waiting: .max, tokens: .max), at: 1)
        #expect(engine.strangers == 2_000_000 && engine.words.cacheTokens == nil)
        engine.says(Self.load(running: -5, tokens: -1), at: 2)
        #expect(engine.strangers == 0 && engine.words.cacheTokens == nil)
    }

    /// If several executors have the same load from this edge, the pool chooses the one whose engine reports the fewest
    /// requests from elsewhere.
    @Test(arguments: [Balance.leastLoad, .auto, .prefix]) func strangersBreakTies(balance: Balance) {
        let pool = ExecutorPoolTests.pool(3, balance)
        for (index, executor) in pool.executors.enumerated() {
            // Each engine has reported its load for 40 s. Requests from elsewhere, which the edge sees only in these
            // reports, count as work in the first 30 s. Now they only decide between equal executors.
            executor.engine.says(EngineLoad(), at: 0)
            executor.engine.says(Self.load(running: 0), at: 1)
            executor.engine.says(Self.load(running: 3 - index), at: 40 * Self.second)
            executor.engine.says(Self.load(running: 3 - index), at: 41 * Self.second)
            #expect(executor.engine.strangersWhileNew == 0)
        }
        #expect((0..<6).map { _ in pool.chosen() } == [2, 1, 0, 2, 1, 0])
    }

    /// A new process counts requests from elsewhere as an engine's load, because its own attempts do not show the load
    /// yet.
    @Test func strangersAreWorkForANewProcess() {
        let pool = ExecutorPoolTests.pool(2)
        pool.executors[0].engine.says(Self.load(running: 4), at: 1)
        pool.executors[1].engine.says(Self.load(running: 0), at: 1)
        #expect((0..<4).map { _ in pool.chosen() } == [1, 1, 1, 1])
        #expect(Set((0..<2).map { _ in pool.chosen() }) == [0, 1])
    }

    @Test func otherBalancesListenToNobody() {
        let pool = ExecutorPoolTests.pool(2, .roundRobin)
        pool.executors[0].engine.says(Self.load(running: 40), at: 1)
        #expect((0..<4).map { _ in pool.chosen() } == [0, 1, 0, 1])
    }
}
