import LoopTesting
import Testing
import Transport

@testable import Edge

@Suite struct ServerSocketsTests {
    private let registry = Registry()
    private let folder = temporaryDirectory()

    private func snapshot(_ listeners: String..., admin: String = "127.0.0.1:0") throws -> Snapshot {
        let list = listeners.map { "{address: '\($0)'}" }.joined(separator: ", ")
        let models = "models: [{id: m, executors: [{url: 'http://e'}]}]"
        return registry.resolve(
            try configuration("listeners: [\(list)]\nadmin: {address: '\(admin)'}\nworkers: 2\n\(models)")
        )
    }

    private func isOpen(_ set: ListenerSet) -> Bool {
        let peer = Peer(to: set.addresses[0])
        defer { peer.close() }
        peer.poll()
        return peer.end == nil
    }

    @Test func whatStaysIsKeptAndWhatIsGoneIsClosedLast() throws {
        let path = "unix:\(folder)/a.sock"
        let first = try snapshot("127.0.0.1:0", path)
        let old = try ServerSockets(first, environment: [:])
        let second = try snapshot("127.0.0.1:0", "unix:\(folder)/b.sock")
        let new = try old.opening(second.listeners, second.process)
        let (kept, gone, added) = (first.listeners[0].key, first.listeners[1].key, second.listeners[1].key)
        #expect(try #require(new.clients[kept]).isSame(as: try #require(old.clients[kept])))
        #expect(new.admin.isSame(as: old.admin))
        #expect(isOpen(try #require(old.clients[gone])))
        #expect(isOpen(try #require(new.clients[added])))
        new.closeRemoved(from: old)
        #expect(new.clients[gone] == nil)
        #expect(isOpen(try #require(new.clients[kept])))
        // The path of the removed unix socket can be bound again.
        let third = try new.opening(first.listeners, first.process)
        #expect(isOpen(try #require(third.clients[gone])))
        third.closeRemoved(from: new)
        third.close()
    }

    @Test func whatCannotBeOpenedLeavesNothingOpen() throws {
        let taken = try ListenerSet(addresses: [SocketAddress(numeric: "127.0.0.1", port: 0)!], workers: 1)
        defer { taken.close() }
        let old = try ServerSockets(try snapshot("127.0.0.1:0"), environment: [:])
        defer { old.close() }
        let added = "\(folder)/c.sock"
        let wanted = try snapshot("unix:\(added)", "127.0.0.1:\(taken.addresses[0].port)")
        #expect(throws: StartError.self) { try old.opening(wanted.listeners, wanted.process) }
        // The socket that was opened before the error was closed again, so its path can be bound.
        let again = try ListenerSet(addresses: [SocketAddress(unixPath: added)!], workers: 1)
        again.close()
    }
}
