import Edge
import Testing
import Transport

/// The choice of the worker for a new connection.
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

    /// How many connections each worker gets if `count` connections are accepted one after the other, each with
    /// `streams` streams.
    ///
    /// - Parameters:
    ///   - acceptor: The worker that accepts the connection with this number.
    ///   - published: Whether the workers publish their loads after each connection; otherwise they never do.
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

    /// A few heavy connections, as OpenRouter or Cloudflare open them, without running streams and with them.
    @Test(arguments: [0, 1, 10, 250], [true, false])
    func fewConnectionsAreSpreadEvenly(streams: Int, published: Bool) {
        #expect(spread(2, workers: 2, streams: streams, published: published) == [1, 1])
        #expect(spread(4, workers: 2, streams: streams, published: published) == [2, 2])
        #expect(spread(4, workers: 4, streams: streams, published: published) == [1, 1, 1, 1])
        #expect(spread(1, workers: 1, streams: streams, published: published) == [1])
    }

    /// Four connections are spread evenly, whichever of the two workers accepts each of them.
    @Test(arguments: 0..<16, [0, 25])
    func whoeverAccepts(pattern: Int, streams: Int) {
        for published in [true, false] {
            let seen = spread(4, workers: 2, streams: streams, published: published) { pattern >> $0 & 1 }
            #expect(seen == [2, 2])
        }
    }

    /// Four connections arrive together, and the first has 25 streams before the others complete their handshakes.
    ///
    /// They are still spread evenly, because each is expected to carry as many streams.
    @Test func whatCameTogetherIsTakenForAlike() {
        let workers = makeWorkers([(0, 0), (0, 0)])
        for number in 0..<4 {
            let index = workers.index(forConnectionAcceptedBy: 1)
            workers[index].connectionBegan()
            guard number == 0 else { continue }
            for _ in 0..<25 { workers[index].exchangeBegan() }
        }
        #expect(workers.map(\.load.connections) == [2, 2])
        // The result is the same if worker 0 has published its load meanwhile, 25 exchanges on one connection. Each new
        // connection is then expected to carry as many.
        let later = makeWorkers([(25, 1), (0, 0)])
        for _ in 0..<3 { later[later.index(forConnectionAcceptedBy: 1)].connectionBegan() }
        #expect(later.map(\.load.connections) == [2, 2])
    }

    /// If connections of a worker have ended since it published its load, their part of the published exchanges no
    /// longer counts.
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
        // A worker that has not started yet gets no connection.
        #expect([workers[0], WorkerHandle()].index(forConnectionAcceptedBy: 0) == 0)
    }

    @Test func whatEndsIsTakenAway() {
        let handle = makeWorkers([(3, 2)])[0]
        handle.exchangeEnded()
        handle.connectionEnded()
        #expect(handle.load == WorkerLoad(exchanges: 2, connections: 1))
    }
}
