import Glibc
import LoopTesting
import Testing
import Transport

@testable import Edge

/// Tests what a worker does with connections that exceed a limit for their client address.
@Suite struct WorkerAddressesTests {
    private let process = ProcessState(
        budget: MemoryBudget(limit: 1 << 30),
        log: LogSink(),
        ticketKeys: TicketKeys { 0 },
        workers: 1,
        poller: .epoll
    )

    /// A worker whose clients may have one connection for each address, and the address of its listener.
    private func worker(listener: String = "") throws -> (Worker, SocketAddress) {
        let text = """
            listeners: [{address: "127.0.0.1:8080"\(listener)}]
            limits: {per_address: {connections: 1}}
            models: [{id: m, executors: [{url: 'http://e'}]}]
            """
        let snapshot = Registry().resolve(try configuration(text))
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: 0))
        let listeners = try ListenerSet(addresses: [address], workers: 1)
        let worker = try Worker(
            index: 0,
            process: process,
            snapshot: snapshot,
            listeners: [snapshot.listeners[0].key: listeners],
            report: { _ in }
        )
        return (worker, listeners.addresses[0])
    }

    private func turn(_ worker: Worker, until isDone: () -> Bool) {
        for _ in 0..<1000 where !isDone() { worker.loop.turn(waitMax: 10) }
    }

    @Test func aConnectionBeyondTheLimitIsResetAndCountedUntilRoomIsFree() throws {
        let (worker, address) = try worker()
        let first = Peer(to: address)
        turn(worker) { process.addresses.held(by: address)?.connections == 1 }
        let second = Peer(to: address)
        turn(worker) {
            second.poll()
            return second.end != nil
        }
        #expect(second.end == .reset)
        #expect(process.addresses.held(by: address)?.connections == 1 && process.connectionCount == 1)
        #expect(worker.counters.addressRefusals[AddressLimit.connections.index] == 1)
        first.close()
        turn(worker) { process.addresses.held(by: address)?.isEmpty == true }
        let third = Peer(to: address)
        turn(worker) { process.addresses.held(by: address)?.connections == 1 }
        #expect(process.addresses.held(by: address)?.connections == 1)
        worker.loop.dismantle()
        #expect(process.addresses.held(by: address)?.isEmpty == true)
        #expect(third.isOpen)
    }

    @Test func clientsThatAPROXYHeaderNamesAreCountedAndTheirProxyIsNot() throws {
        let (worker, address) = try worker(listener: ", client_address: proxy_protocol, trusted_peers: [127.0.0.1]")
        let one = try #require(SocketAddress(numeric: "192.0.2.1", port: 1))
        let other = try #require(SocketAddress(numeric: "192.0.2.2", port: 1))
        func connect(_ client: String) -> Peer {
            let peer = Peer(to: address)
            peer.send("PROXY TCP4 \(client) 192.0.2.9 1 2\r\n")
            return peer
        }
        let first = connect("192.0.2.1")
        turn(worker) { process.addresses.held(by: one)?.connections == 1 }
        let second = connect("192.0.2.1")
        turn(worker) {
            second.poll()
            return second.end != nil
        }
        #expect(second.end != nil)
        let third = connect("192.0.2.2")
        turn(worker) { process.addresses.held(by: other)?.connections == 1 }
        #expect(process.addresses.held(by: one)?.connections == 1)
        #expect(process.addresses.held(by: other)?.connections == 1)
        #expect(process.addresses.held(by: address) == nil)
        #expect(worker.counters.addressRefusals[AddressLimit.connections.index] == 1)
        worker.loop.dismantle()
        #expect(process.addresses.held(by: one)?.isEmpty == true)
        #expect(first.isOpen && third.isOpen)
    }
}
