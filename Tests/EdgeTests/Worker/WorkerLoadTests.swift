import Edge
import Testing

/// When a worker passes a connection on to another worker.
@Suite struct WorkerLoadTests {
    /// The worker's own load, the other worker's load, and whether the connection is passed on; a load is the numbers
    /// of exchanges and of connections.
    private static let cases: [((Int, Int), (Int, Int), Bool)] = [
        ((0, 0), (0, 0), false), ((0, 1), (0, 0), true), ((0, 1), (0, 1), false), ((0, 2), (0, 1), true),
        // A small difference is not enough.
        ((0, 110), (0, 100), false), ((0, 126), (0, 100), true), ((110, 0), (100, 0), false),
        ((126, 0), (100, 0), true),
        // A connection is never passed to a busier worker.
        ((0, 0), (1, 1), false), ((99, 4), (100, 4), false),
        // Streams weigh more than idle connections.
        ((100, 1), (0, 20), true), ((0, 20), (100, 1), false), ((5, 1), (0, 1), true),
    ]

    @Test(arguments: Self.cases)
    func aConnectionIsHandedOnByTheClearlyBusier(own: (Int, Int), other: (Int, Int), expected: Bool) {
        let own = WorkerLoad(exchanges: own.0, connections: own.1)
        #expect(own.handsOn(to: WorkerLoad(exchanges: other.0, connections: other.1)) == expected)
    }
}
