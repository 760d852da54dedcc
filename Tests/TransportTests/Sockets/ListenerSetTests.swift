// Tests listening sockets that the server opens, that workers share, or that the server inherits from systemd.
import CLinux
import Glibc
import LoopTesting
import Testing
import Transport

@Suite struct ListenerSetTests {
    @Test func eachWorkerHasASocketOfItsOwnOnOnePort() throws {
        let set = try ListenerSet(addresses: [SocketAddress(numeric: "127.0.0.1", port: 0)!], workers: 3)
        defer { set.close() }
        let sockets = (0..<3).map { set.sockets(address: 0, worker: $0, of: 3)[0] }
        #expect(Set(sockets.map(\.descriptor)).count == 3)
        #expect(set.addresses[0].port != 0)
        #expect(Set(sockets.map { Sockets.localAddress(of: $0)!.port }) == [set.addresses[0].port])
    }

    @Test func anAddressInUseIsRefusedAlsoWithSharedPorts() throws {
        let first = try ListenerSet(addresses: [SocketAddress(numeric: "127.0.0.1", port: 0)!], workers: 2)
        defer { first.close() }
        let failure = #expect(throws: ListenerSet.Failure.self) {
            try ListenerSet(addresses: [SocketAddress(numeric: "127.0.0.1", port: 0)!, first.addresses[0]], workers: 2)
        }
        #expect(failure?.cause.code == EADDRINUSE)
        #expect(failure?.description.contains(first.addresses[0].description) == true)
    }

    @Test func anInheritedSocketIsUsedAndItsFileLeftAlone() throws {
        let path = temporaryDirectory() + "/inherited.sock"
        let unix = SocketAddress(unixPath: path)!
        let inherited = [
            try Sockets.listen(on: unix, shared: false),
            try Sockets.listen(on: SocketAddress(numeric: "127.0.0.1", port: 0)!, shared: false),
        ]
        let tcp = Sockets.localAddress(of: inherited[1])!
        let set = try ListenerSet(addresses: [tcp, unix], workers: 2, inherited: inherited)
        #expect(set.isInherited == [true, true])
        #expect(set.sockets(address: 0, worker: 1, of: 2)[0].descriptor == inherited[1].descriptor)
        #expect(set.sockets(address: 1, worker: 1, of: 2)[0].descriptor == inherited[0].descriptor)
        set.close()
        #expect(access(path, F_OK) == 0, "systemd owns the file of the socket it hands over")
    }

    /// An inherited socket whose address is not in the configuration is reported, because the server would never accept
    /// its clients.
    @Test func anInheritedSocketThatNoAddressNamesIsSaid() throws {
        let loopback = SocketAddress(numeric: "127.0.0.1", port: 0)!
        let sockets = [try Sockets.listen(on: loopback, shared: true), try Sockets.listen(on: loopback, shared: true)]
        let first = Sockets.localAddress(of: sockets[0])!
        let second = Sockets.localAddress(of: sockets[1])!
        let twin = try Sockets.listen(on: first, shared: true)
        // An inherited socket that does not listen.
        let mute = Socket(descriptor: socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0))
        let inherited = sockets + [twin, mute]
        defer { for socket in inherited { socket.close() } }
        #expect(ListenerSet.unclaimed(sockets, addresses: [second, first]) == [])
        #expect(ListenerSet.unclaimed(sockets, addresses: [second]) == [first.description])
        #expect(ListenerSet.unclaimed([sockets[0], twin], addresses: [first]) == [first.description])
        let words = ListenerSet.unclaimed([mute], addresses: [Sockets.localAddress(of: mute)!])
        #expect(words == ["descriptor \(mute.descriptor), which does not listen"])
        let set = try ListenerSet(addresses: [first, loopback], workers: 1, inherited: [sockets[0]])
        #expect(set.isInherited == [true, false])
        set.sockets(address: 1)[0].close()
    }

    @Test func theEnvironmentOfSocketActivationIsReadWithCare() {
        let pid = String(getpid())
        #expect(ListenerSet.inherited(from: [:]).isEmpty)
        #expect(ListenerSet.inherited(from: ["LISTEN_PID": "1", "LISTEN_FDS": "1"]).isEmpty)
        #expect(ListenerSet.inherited(from: ["LISTEN_PID": pid, "LISTEN_FDS": "x"]).isEmpty)
        #expect(ListenerSet.inherited(from: ["LISTEN_PID": pid, "LISTEN_FDS": "-1"]).isEmpty)
        #expect(ListenerSet.inherited(from: ["LISTEN_PID": pid, "LISTEN_FDS": "2147483647"]).isEmpty)
    }

    @Test func everySocketOfAGroupHasAWorkerWhateverTheirCount() throws {
        let first = try ListenerSet(addresses: [SocketAddress(numeric: "127.0.0.1", port: 0)!], workers: 3)
        defer { first.close() }
        let set = try ListenerSet(adopting: first.sockets(address: 0), on: first.addresses[0], isInherited: false)
        #expect(set.addresses == first.addresses)
        let all = first.sockets(address: 0).map(\.descriptor)
        for workers in 1...7 {
            let served = (0..<workers).map { set.sockets(address: 0, worker: $0, of: workers).map(\.descriptor) }
            #expect(Set(served.joined()) == Set(all), "\(workers)")
            #expect(served.allSatisfy { !$0.isEmpty })
            // With at most as many workers as sockets, no two workers accept on the same socket.
            if workers <= 3 { #expect(served.joined().count == 3) }
        }
    }

    @Test func aDescriptorThatDoesNotListenIsNotTakenOver() throws {
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: 1))
        #expect(throws: ListenerSet.Failure.self) {
            try ListenerSet(adopting: [Socket(descriptor: 0)], on: address, isInherited: false)
        }
    }
}
