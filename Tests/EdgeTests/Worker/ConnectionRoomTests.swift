import Testing

@testable import Edge

@Suite struct ConnectionRoomTests {
    private func room(_ settings: String) throws -> ConnectionRoom {
        try testSnapshot(models: "- {id: m, executors: [{url: 'http://e:1'}]}", settings: settings).connectionRoom
    }

    @Test(arguments: [
        ("max_connections: 500", 500, ConnectionRoom.Lack.maxConnections),
        // A body of 64 MiB needs 20/3 of its size to be scanned. Of the rest of 1 GiB, each connection needs 64 KiB.
        ("max_connections: 100000", 9557, .memory),
        // At least half of `memory_limit` is for connections, however much one body needs.
        ("memory_limit: 64MiB", 512, .memory),
        ("memory_limit: 64MiB\nlimits: {body: 3MiB}", 704, .memory),
        ("memory_limit: 4GiB", 10_000, .maxConnections),
    ])
    func idleConnectionsLeaveWhatABodyNeeds(settings: String, most: Int, lack: ConnectionRoom.Lack) throws {
        let room = try room(settings)
        #expect(room.most == most && room.lack == lack)
    }

    @Test(arguments: [(1024, 1, 744), (1024, 2, 736), (64, 2, 16), (524_288, 4, 393_168), (Int.max, 1, Int.max)])
    func executorsKeepAQuarterOfTheDescriptors(limit: Int, workers: Int, most: Int) {
        #expect(ConnectionRoom.descriptors(ofLimit: limit, workers: workers) == most)
    }

    @Test func theSmallestLimitIsTheOneThatIsNamed() throws {
        let room = try room("max_connections: 500")
        #expect(room.within(descriptors: 744) == room)
        #expect(room.within(descriptors: 499).lack == .descriptors && room.within(descriptors: 499).most == 499)
    }
}
