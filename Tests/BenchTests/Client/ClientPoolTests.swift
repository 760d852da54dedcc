// The load generator's pool of HTTP/2 connections: on which connection it opens the next stream.
import Testing
import Transport

@testable import Bench

@Suite struct ClientPoolTests {
    private final class Connection: ClientConnection {
        var isUsable = true
        var streamsAllowed: Int?
        var streamsOpen = 0
        var endReason: String?

        func open(_ stream: ClientStream) { streamsOpen += 1 }
        func reset(_ stream: ClientStream) {}
        func close() { endReason = "closed" }
    }

    private final class Handler: ClientStreamHandler {
        func responded(status: Int) {}
        func received(_ bytes: Span<UInt8>, at now: Nanoseconds) {}
        func ended(_ end: StreamEnd) {}
    }

    /// Opens connections for a pool, and keeps them, so that the test can look at them.
    private final class Dialed {
        var all: [Connection] = []
        var allowed: Int?

        func dial() -> Connection {
            let made = Connection()
            made.streamsAllowed = allowed
            all.append(made)
            return made
        }

        var open: [Int] { all.map(\.streamsOpen) }
    }

    private func pool(_ dialed: Dialed) -> ClientPool { ClientPool { () throws(BenchError) in dialed.dial() } }

    private func openStreams(_ count: Int, _ pool: ClientPool) throws {
        for _ in 0..<count {
            try pool.connection().open(ClientStream(ClientRequest(path: "/", fields: []), handler: Handler()))
        }
    }

    @Test func streamsAreSpreadOverTheFirstConnections() throws {
        let dialed = Dialed()
        dialed.allowed = 10
        let pool = pool(dialed)
        for _ in 0..<3 { try pool.open() }
        try openStreams(9, pool)
        #expect(dialed.open == [3, 3, 3] && pool.opened == 3)
    }

    @Test func aConnectionIsOpenedWhenAllAreFull() throws {
        let dialed = Dialed()
        dialed.allowed = 4
        let pool = pool(dialed)
        try pool.open()
        try openStreams(9, pool)
        #expect(dialed.open == [4, 4, 1])
        dialed.all[0].streamsOpen = 0
        try openStreams(2, pool)
        #expect(dialed.open == [2, 4, 1], "a stream that ends makes room")
    }

    /// A server says how many streams it accepts on a connection.
    ///
    /// Until it has said so on a new connection, the number from the earlier connections applies.
    @Test func theServersLimitHoldsForNewConnectionsToo() throws {
        let dialed = Dialed()
        dialed.allowed = 5
        let pool = pool(dialed)
        try pool.open()
        dialed.allowed = nil
        try openStreams(12, pool)
        #expect(dialed.open == [5, 5, 2])
    }

    @Test func aConnectionThatEndsOrGoesAwayGetsNoStream() throws {
        let dialed = Dialed()
        dialed.allowed = 8
        let pool = pool(dialed)
        for _ in 0..<3 { try pool.open() }
        dialed.all[0].isUsable = false
        dialed.all[1].endReason = "gone"
        try openStreams(3, pool)
        #expect(dialed.open == [0, 0, 3])
    }

    @Test func thePoolSaysWhetherItsConnectionsAreThere() throws {
        let dialed = Dialed()
        let pool = pool(dialed)
        #expect(!pool.isConnecting && pool.failure == nil)
        for _ in 0..<2 { try pool.open() }
        #expect(pool.isConnecting && pool.failure == nil)
        dialed.all[0].streamsAllowed = 1
        #expect(pool.isConnecting)
        dialed.all[1].endReason = "refused"
        #expect(!pool.isConnecting && pool.failure == nil)
        dialed.all[0].endReason = "reset"
        #expect(pool.failure == "reset")
    }

    @Test func closingClosesAll() throws {
        let dialed = Dialed()
        let pool = pool(dialed)
        for _ in 0..<2 { try pool.open() }
        pool.close()
        #expect(dialed.all.allSatisfy { $0.endReason == "closed" })
    }

    @Test func anErrorOfTheSocketIsThrown() {
        let pool = ClientPool { () throws(BenchError) in throw BenchError("no descriptors") }
        #expect(throws: BenchError.self) { try pool.connection() }
        #expect(pool.opened == 0)
    }
}
