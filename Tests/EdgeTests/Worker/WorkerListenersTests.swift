import CertificateAuthority
import LoopTesting
import Testing
import Transport

@testable import Edge

@Suite struct WorkerListenersTests {
    private let registry = Registry()
    private let test = TestLoop()
    private let keys = TicketKeys { 0 }

    private func plans(_ addresses: String...) throws -> [ListenerPlan] {
        let list = addresses.map { "{address: '\($0)'}" }.joined(separator: ", ")
        let text =
            "listeners: [\(list)]\nmodels: [{id: m, executors: [{url: 'http://e'}]}]\nadmin: {address: '127.0.0.1:1'}"
        return registry.resolve(try configuration(text)).listeners
    }

    /// Makes a listener on a new socket, and appends the socket to `sockets`, which the test closes at its end.
    private func listener(_ sockets: inout [ListenerSet]) throws -> Listener {
        let set = try ListenerSet(addresses: [SocketAddress(numeric: "127.0.0.1", port: 0)!], workers: 1)
        sockets.append(set)
        return Listener(
            loop: test.loop,
            socket: set.sockets(address: 0)[0],
            accepted: { socket, _ in socket.close() },
            exhausted: { _ in }
        )
    }

    @Test func aRemovedListenerIsKnownForOneSnapshotMore() throws {
        var sockets: [ListenerSet] = []
        defer { for set in sockets { set.close() } }
        let first = try plans("127.0.0.1:8001", "127.0.0.1:8002")
        var listeners = try WorkerListeners(first, ticketKeys: keys)
        var made: [ListenerKey] = []
        listeners.open { key in
            made.append(key)
            return (try? listener(&sockets)).map { [$0] } ?? []
        }
        #expect(Set(made) == Set(first.map(\.key)))
        made = []

        let second = try plans("127.0.0.1:8002", "127.0.0.1:8003")
        let closing = listeners.adopt(second, ticketKeys: keys) { plan, error in Issue.record("\(plan.key): \(error)") }
        #expect(closing.count == 1)
        for listener in closing { listener.close() }
        listeners.open { key in
            made.append(key)
            return (try? listener(&sockets)).map { [$0] } ?? []
        }
        #expect(made == [second[1].key], "a listener that stays goes on with its socket")
        for key in Set(first.map(\.key) + second.map(\.key)) { #expect(listeners[key] != nil) }

        let third = try plans("127.0.0.1:8003")
        for listener in listeners.adopt(third, ticketKeys: keys, failed: { _, _ in }) { listener.close() }
        #expect(listeners[first[0].key] == nil && listeners[first[1].key] != nil && listeners[third[0].key] != nil)
        listeners.pause()
    }

    /// If the new settings of a listener contain an invalid certificate, the listener keeps its earlier settings.
    @Test func certificatesThatCannotBeUsedStayOut() throws {
        let first = try plans("127.0.0.1:8001")
        var listeners = try WorkerListeners(first, ticketKeys: keys)
        var broken = first
        let files = CertificateFiles(chain: "/a.pem", key: "/a.key")
        broken[0].certificates = [CertificateContents(files: files, chain: Array("x".utf8), key: Array("y".utf8))]
        var failed: [String] = []
        _ = listeners.adopt(broken, ticketKeys: keys) { _, error in failed.append("\(error)") }
        #expect(failed.count == 1 && failed[0].contains("/a.pem"), "\(failed)")
        #expect(listeners[first[0].key]?.plan.isSecure == false)
    }
}
