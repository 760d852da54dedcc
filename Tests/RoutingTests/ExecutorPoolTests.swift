import Testing

@testable import Routing

@Suite struct ExecutorPoolTests {
    private func pool(_ count: Int) -> ExecutorPool {
        ExecutorPool(executors: (0..<count).map { Executor(index: $0, name: "http://\($0)", model: "m") })
    }

    @Test func executorsTakeTurns() {
        let pool = pool(3)
        #expect((0..<7).map { _ in pool.next()?.index } == [0, 1, 2, 0, 1, 2, 0])
    }

    @Test func anEmptyPoolHasNoTurn() { #expect(pool(0).next() == nil) }

    @Test func attemptsAreCounted() {
        let executor = Executor(index: 0, name: "http://a", model: "m")
        executor.attemptBegan()
        executor.attemptBegan()
        executor.attemptEnded()
        #expect(executor.running == 1)
    }
}
