import HTTP
import LoopTesting
import Testing
import Transport

@testable import Edge

@Suite struct ConnectionTableTests {
    private let second: Nanoseconds = 1_000_000_000

    @Test func aClientIsNotedAsKnownOnceAMinuteForEachConnection() throws {
        let environment = TestEnvironment(try testSnapshot(models: "- {id: m, executors: [{url: 'http://one:1'}]}"))
        let (socket, peer) = try environment.test.tcp()
        let address = try #require(Sockets.localAddress(of: socket))
        let connection = ServerConnection(
            channel: try Channel.accept(socket, peer: address, loop: environment.loop),
            settings: ServerSettings(),
            environment: HTTP2Environment(),
            delegate: environment
        )
        connection.start()
        defer {
            connection.close(.edge)
            environment.test.settle(peer)
            environment.forget()
        }
        var table = ConnectionTable()
        table.insert(connection)
        let times = [1, 60, 61].map { $0 * second }
        let due = times.map { table.isNoteDue(connection, at: $0) }
        #expect(due == [true, false, true])
        let isRemoved = table.remove(connection)
        let isDueAfterwards = table.isNoteDue(connection, at: 600 * second)
        #expect(isRemoved && !isDueAfterwards && table.isEmpty)
        // Inserted again, the connection gets the same index, but the table remembers nothing of the earlier entry.
        table.insert(connection)
        let isDueAgain = table.isNoteDue(connection, at: 62 * second)
        #expect(isDueAgain)
    }
}
