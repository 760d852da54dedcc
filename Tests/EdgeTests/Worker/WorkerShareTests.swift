import LoopTesting
import Testing
import Transport

@testable import Edge

@Suite struct WorkerShareTests {
    private func share(workers: Int) -> WorkerShare {
        WorkerShare(
            budget: MemoryBudget(limit: 1 << 30),
            log: LogSink(),
            ticketKeys: TicketKeys { 0 },
            workers: workers,
            gather: .off,
            poller: .epoll
        )
    }

    @Test func theWorkersAreSummed() {
        let share = share(workers: 3)
        for _ in 0..<2 { share.doors[0].exchangeBegan() }
        share.doors[2].exchangeBegan()
        share.doors[1].connectionBegan()
        #expect(share.load == WorkerLoad(exchanges: 3, connections: 1))
    }

    /// A worker that has ended: what it was handed on is closed and counted no more, and it is handed no more.
    @Test func whatAnEndedWorkerWasHandedIsLetGo() throws {
        let share = share(workers: 2)
        let (socket, peer) = Peer.pair()
        let address = SocketAddress(numeric: "127.0.0.1", port: 1)!
        let snapshot = try testSnapshot(models: "- {id: m, executors: [{url: 'http://e:1'}]}")
        #expect(share.takeRoom(snapshot) == nil)
        share.doors[1].connectionBegan()
        #expect(share.doors[1].mailbox.post(.serve(socket, peer: address, listener: 0)))
        share.retire(1)
        peer.poll()
        #expect(peer.end == .closed)
        #expect(share.connectionCount == 0 && share.budget.used == 0)
        #expect(share.load == WorkerLoad(exchanges: 0, connections: 0))
        #expect(!share.doors[1].mailbox.post(.drain))
        #expect(share.doors[0].mailbox.post(.drain))
    }
}
