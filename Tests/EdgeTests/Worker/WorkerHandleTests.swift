import Edge
import Testing
import Transport

/// Which worker a new connection goes to.
@Suite struct WorkerHandleTests {
    private func makeWorkers(_ loads: [(exchanges: Int, connections: Int)]) -> [WorkerHandle] {
        loads.map { load in
            let handle = WorkerHandle()
            handle.setTakesConnections(true)
            for _ in 0..<load.exchanges { handle.exchangeBegan() }
            for _ in 0..<load.connections { handle.connectionBegan() }
            handle.publishLoad(connections: load.connections)
            return handle
        }
    }

    /// How many connections each worker gets of `count` that are accepted one after the other, each with so many
    /// streams.
    ///
    /// - Parameters:
    ///   - acceptor: which worker accepts the connection with this number.
    ///   - published: the workers publish their loads before each connection; otherwise they never do.
    private func spread(
        _ count: Int,
        workers: Int,
        streams: Int,
        published: Bool,
        acceptor: (Int) -> Int = { _ in 0 }
    ) -> [Int] {
        let workers = makeWorkers(Array(repeating: (0, 0), count: workers))
        for number in 0..<count {
            let index = workers.index(forConnectionAcceptedBy: acceptor(number))
            workers[index].connectionBegan()
            for _ in 0..<streams { workers[index].exchangeBegan() }
            guard published else { continue }
            for handle in workers { handle.publishLoad(connections: handle.load.connections) }
        }
        return workers.map(\.load.connections)
    }

    /// The few heavy connections of OpenRouter or Cloudflare, before any stream runs on them and with them running.
    @Test(arguments: [0, 1, 10, 250], [true, false])
    func fewConnectionsAreSpreadEvenly(streams: Int, published: Bool) {
        #expect(spread(2, workers: 2, streams: streams, published: published) == [1, 1])
        #expect(spread(4, workers: 2, streams: streams, published: published) == [2, 2])
        #expect(spread(4, workers: 4, streams: streams, published: published) == [1, 1, 1, 1])
        #expect(spread(1, workers: 1, streams: streams, published: published) == [1])
    }

    /// Whichever of two workers the kernel has accept each of four.
    @Test(arguments: 0..<16, [0, 25])
    func whoeverAccepts(pattern: Int, streams: Int) {
        for published in [true, false] {
            let seen = spread(4, workers: 2, streams: streams, published: published) { pattern >> $0 & 1 }
            #expect(seen == [2, 2])
        }
    }

    /// Four come together, and the first has its streams before the others have shaken hands.
    @Test func whatCameTogetherIsTakenForAlike() {
        let workers = makeWorkers([(0, 0), (0, 0)])
        for number in 0..<4 {
            let index = workers.index(forConnectionAcceptedBy: 1)
            workers[index].connectionBegan()
            guard number == 0 else { continue }
            for _ in 0..<25 { workers[index].exchangeBegan() }
        }
        #expect(workers.map(\.load.connections) == [2, 2])
        // The same where a worker has published its load meanwhile: the others are expected to carry as much.
        let later = makeWorkers([(25, 1), (0, 0)])
        for _ in 0..<3 { later[later.index(forConnectionAcceptedBy: 1)].connectionBegan() }
        #expect(later.map(\.load.connections) == [2, 2])
    }

    /// Exchanges that a worker has published go with the connections that have ended since.
    @Test func connectionsThatHaveGoneCountNoMore() {
        let workers = makeWorkers([(50, 2), (0, 0)])
        for _ in 0..<2 { workers[0].connectionEnded() }
        workers[1].connectionBegan()
        #expect(workers.index(forConnectionAcceptedBy: 1) == 0)
    }

    @Test(arguments: [0, 1, 10])
    func manyConnectionsAreWithinAQuarter(streams: Int) {
        let seen = spread(10_000, workers: 3, streams: streams, published: true)
        #expect(seen.reduce(0, +) == 10_000)
        #expect(Double(seen.max()!) <= 1.25 * Double(seen.min()!) + 2)
    }

    @Test func theLeastBusyGetsIt() {
        let workers = makeWorkers([(50, 2), (20, 2), (3, 9), (4, 1)])
        #expect(workers.index(forConnectionAcceptedBy: 0) == 3)
        #expect(workers.index(forConnectionAcceptedBy: 3) == 3)
    }

    @Test func nobodyGetsItWhoDoesNotTakeAny() {
        let workers = makeWorkers([(50, 2), (0, 0), (4, 1)])
        workers[1].setTakesConnections(false)
        #expect(workers.index(forConnectionAcceptedBy: 0) == 2)
        workers[2].setTakesConnections(false)
        #expect(workers.index(forConnectionAcceptedBy: 0) == 0)
        // One that has not begun yet.
        #expect([workers[0], WorkerHandle()].index(forConnectionAcceptedBy: 0) == 0)
    }

    @Test func whatEndsIsTakenAway() {
        let handle = makeWorkers([(3, 2)])[0]
        handle.exchangeEnded()
        handle.connectionEnded()
        #expect(handle.load == WorkerLoad(exchanges: 2, connections: 1))
    }
}
