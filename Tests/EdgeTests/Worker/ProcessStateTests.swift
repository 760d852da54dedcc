import LoopTesting
import Testing
import Transport

@testable import Edge

@Suite struct ProcessStateTests {
    private func process(workers: Int) -> ProcessState {
        ProcessState(
            budget: MemoryBudget(limit: 1 << 30),
            log: LogSink(),
            ticketKeys: TicketKeys { 0 },
            workers: workers,
            poller: .epoll
        )
    }

    @Test func theWorkersAreSummed() {
        let process = process(workers: 3)
        for _ in 0..<2 { process.workers[0].exchangeBegan() }
        process.workers[2].exchangeBegan()
        process.workers[1].connectionBegan()
        #expect(process.load == WorkerLoad(exchanges: 3, connections: 1))
    }

    /// When a worker ends, connections in its mailbox are closed and no longer counted, and none can be added.
    @Test func whatAnEndedWorkerWasHandedIsLetGo() throws {
        let process = process(workers: 2)
        let (socket, peer) = Peer.pair()
        let address = SocketAddress(numeric: "127.0.0.1", port: 1)!
        let snapshot = try testSnapshot(models: "- {id: m, executors: [{url: 'http://e:1'}]}")
        #expect(process.takeRoom(snapshot) == nil)
        process.workers[1].connectionBegan()
        let hold = try process.addresses.hold(
            .connection(isSecure: true),
            for: address,
            limits: snapshot.addressLimits,
            at: 0
        )
        let listener = snapshot.listeners[0].key
        #expect(process.workers[1].mailbox.post(.serve(socket, peer: address, listener: listener, hold: hold)))
        #expect(process.addresses.held(by: address) == AddressHoldings(.connection(isSecure: true)))
        process.retire(1)
        peer.poll()
        #expect(peer.end == .closed)
        #expect(process.connectionCount == 0 && process.budget.used == 0)
        #expect(process.addresses.held(by: address)?.isEmpty == true)
        #expect(process.load == WorkerLoad(exchanges: 0, connections: 0))
        #expect(!process.workers[1].mailbox.post(.drain))
        #expect(process.workers[0].mailbox.post(.drain))
    }

    @Test func connectionsToOtherProcessesTakeRoom() throws {
        let process = process(workers: 1)
        let snapshot = try testSnapshot(
            models: "- {id: m, executors: [{url: 'http://e:1'}]}",
            settings: "max_connections: 3"
        )
        process.setConnectionsElsewhere(2)
        #expect(process.takeRoom(snapshot) == nil && process.takeRoom(snapshot) == .maxConnections)
        #expect(process.connectionCount == 1 && process.room(snapshot).most == 3)
        process.setConnectionsElsewhere(5)
        #expect(process.takeRoom(snapshot) == .maxConnections)
        process.setConnectionsElsewhere(0)
        #expect(process.takeRoom(snapshot) == nil && process.takeRoom(snapshot) == nil)
    }

    @Test func eachProcessHasAnIDUnlessItInheritsOne() {
        let id = process(workers: 1).instanceID
        #expect(id.hasPrefix("freeinference-") && id.utf8.count == 30 && id != process(workers: 1).instanceID)
        let successor = ProcessState(
            budget: MemoryBudget(limit: 1 << 30),
            log: LogSink(),
            ticketKeys: TicketKeys { 0 },
            workers: 1,
            poller: .epoll,
            instanceID: id
        )
        #expect(successor.instanceID == id)
    }
}
