import Testing

@testable import Edge

@Suite struct ExchangeIDSourceTests {
    @Test func noTwoWorkersGiveTheSameNumber() {
        var sources = (0..<3).map { ExchangeIDSource(processStart: 7, worker: $0, workers: 3) }
        let numbers = (0..<2).flatMap { _ in sources.indices.map { sources[$0].next().number } }
        #expect(numbers == [1, 2, 3, 4, 5, 6])
        var only = ExchangeIDSource(processStart: 7, worker: 0, workers: 1)
        #expect([only.next().number, only.next().number] == [1, 2])
    }
}
