import Glibc
import LoopTesting
import Testing
import Transport

@testable import Edge

@Suite struct ServerSocketsTests {
    private let registry = Registry()
    let folder = temporaryDirectory()

    func snapshot(_ listeners: String..., admin: String = "127.0.0.1:0") throws -> Snapshot {
        let list = listeners.map { "{address: '\($0)'}" }.joined(separator: ", ")
        let models = "models: [{id: m, executors: [{url: 'http://e'}]}]"
        return registry.resolve(
            try configuration("listeners: [\(list)]\nadmin: {address: '\(admin)'}\nworkers: 2\n\(models)")
        )
    }

    func isOpen(_ set: ListenerSet) -> Bool {
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
        // The unix socket had been removed, so its path is free for a new socket.
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
        // The first new socket was opened before the second failed. It was closed again, so its path is free.
        let again = try ListenerSet(addresses: [SocketAddress(unixPath: added)!], workers: 1)
        again.close()
    }
}

extension ServerSocketsTests {
    /// What a new process receives in an upgrade from an old process that has these sockets.
    private func inheritance(_ sockets: ServerSockets) throws -> Inheritance {
        let (own, other) = try linkPair()
        defer { close(other) }
        let handed = sockets.handed
        // Both "processes" of this test run in one real process. So the descriptors are duplicated, and each side can
        // close its own.
        func copy(_ listener: Handover.ListenerSockets) -> Handover.ListenerSockets {
            var copy = listener
            copy.descriptors = listener.descriptors.map { dup($0) }
            return copy
        }
        let handover = Handover(
            process: 1,
            version: "",
            number: 1,
            listeners: handed.listeners.map(copy),
            admin: copy(handed.admin),
            predecessors: []
        )
        UpgradeLink.sendNow(.handover(handover), to: other)
        return try #require(try Inheritance.receive(from: [Inheritance.variable: "\(own)"]))
    }

    @Test func handedSocketsStayOpenWhenTheyAreClosedHere() throws {
        let path = "\(folder)/d.sock"
        let first = try snapshot("127.0.0.1:0", "unix:\(path)")
        var old = try ServerSockets(first, environment: [:])
        let bound = try #require(old.clients[first.listeners[0].key]).addresses[0]
        let successor = try snapshot("127.0.0.1:0", "unix:\(path)", "unix:\(folder)/e.sock")
        var new = try ServerSockets(successor, from: try inheritance(old))
        #expect(try #require(new.clients[first.listeners[0].key]).addresses[0] == bound)
        #expect(new.admin.addresses == old.admin.addresses)
        #expect(try #require(new.clients[first.listeners[0].key]).sockets(address: 0).count == 2)
        // Both processes have the sockets. The old one gives up the files of unix sockets, so that it does not remove
        // them when it closes.
        old.disown(old.descriptors)
        old.close()
        new.own()
        for set in new.clients.values { #expect(isOpen(set)) }
        new.close()
        #expect(access(path, F_OK) != 0)
    }

    @Test func aSuccessorThatFailsTakesNoFileAway() throws {
        let path = "\(folder)/f.sock"
        let first = try snapshot("unix:\(path)")
        let old = try ServerSockets(first, environment: [:])
        let new = try ServerSockets(first, from: try inheritance(old))
        new.close()
        #expect(isOpen(try #require(old.clients[first.listeners[0].key])))
        old.close()
        #expect(access(path, F_OK) != 0)
    }

    @Test func socketsOfNoListenerAreClosed() throws {
        let old = try ServerSockets(try snapshot("127.0.0.1:0", "unix:\(folder)/g.sock"), environment: [:])
        defer { old.close() }
        let inheritance = try inheritance(old)
        let new = try ServerSockets(try snapshot("127.0.0.1:0"), from: inheritance)
        defer { new.close() }
        let left = try #require(inheritance.handover.listeners.first { $0.address.hasPrefix("unix:") }).descriptors
        #expect(left.allSatisfy { fcntl($0, F_GETFD) < 0 })
        #expect(!left.isEmpty && new.descriptors.isDisjoint(with: left))
    }
}
