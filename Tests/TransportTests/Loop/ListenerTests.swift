// Listeners accept, pause and resume.
import CLinux
import Glibc
import LoopTesting
import Testing

@testable import Transport

@Suite struct ListenerTests {
    @Test func aListenerPausesAndResumes() throws {
        let test = TestLoop()
        let socket = try Sockets.listen(on: SocketAddress(numeric: "127.0.0.1", port: 0)!, shared: false)
        var accepted: [Socket] = []
        let listener = Listener(
            loop: test.loop,
            socket: socket,
            accepted: { socket, _ in accepted.append(socket) },
            exhausted: { _ in }
        )
        let address = Sockets.localAddress(of: socket)!
        let first = Peer(to: address)
        test.settle()
        #expect(accepted.count == 1)
        listener.pause()
        let second = Peer(to: address)
        test.settle()
        #expect(accepted.count == 1)
        listener.resume()
        test.settle()
        #expect(accepted.count == 2)
        for socket in accepted { socket.close() }
        first.close()
        second.close()
    }

    /// If `takeRoom` returns false, the listener does not call accept.
    ///
    /// Then the client waits in the backlog and gets no reset.
    @Test func roomIsTakenBeforeAConnectionIsAccepted() throws {
        let test = TestLoop()
        let socket = try Sockets.listen(on: SocketAddress(numeric: "127.0.0.1", port: 0)!, shared: false)
        var (room, accepted): (Int, [Socket]) = (2, [])
        var lacks = 0
        let listener = Listener(
            loop: test.loop,
            socket: socket,
            accepted: { socket, _ in accepted.append(socket) },
            exhausted: { _ in lacks += 1 }
        )
        listener.takeRoom = {
            guard room > 0 else { return false }
            room -= 1
            return true
        }
        listener.returnRoom = { room += 1 }
        let address = Sockets.localAddress(of: socket)!
        let peers = [Peer(to: address)]
        test.settle()
        #expect(accepted.count == 1 && room == 1 && lacks == 0, "what was taken for nobody is given back")
        let more = (0..<2).map { _ in Peer(to: address) }
        test.settle()
        #expect(accepted.count == 2 && room == 0 && lacks > 0 && listener.isWaiting)
        for peer in more { peer.poll() }
        #expect(more.allSatisfy { $0.end == nil }, "the last one waits")
        room = 1
        listener.resume()
        test.settle()
        #expect(accepted.count == 3 && room == 0)
        for socket in accepted { socket.close() }
        for peer in peers + more { peer.close() }
    }

    /// In each turn, the loop accepts connections only after all other work, and only for one slice of time.
    ///
    /// So a flood of new connections delays all others by no more than this slice.
    @Test func aTurnAcceptsForOneSliceAfterAllOtherWork() throws {
        let test = TestLoop()
        var accepted: [Socket] = []
        var counts: [Int] = []
        let address = try test.listen { socket, _ in
            accepted.append(socket)
            test.clock.advance(by: YieldQueue.sliceMin / 5)
        }
        let (socket, other) = Peer.pair()
        let handler = Recorder(socket, on: test)
        handler.onReceive = { _ in counts.append(accepted.count) }
        let peers = (0..<12).map { _ in Peer(to: address) }
        for _ in 0..<3 {
            other.send("x")
            test.loop.turn(waitMax: 0)
        }
        #expect(counts == [0, 5, 10] && accepted.count == 12)
        for socket in accepted { socket.close() }
        for peer in peers { peer.close() }
    }

    /// Closing a listener accepts the connections in its backlog first, even if the listener had paused.
    @Test func aListenerThatClosesAcceptsItsBacklog() throws {
        let test = TestLoop()
        let socket = try Sockets.listen(on: SocketAddress(numeric: "127.0.0.1", port: 0)!, shared: false)
        defer { socket.close() }
        var accepted: [Socket] = []
        let listener = Listener(
            loop: test.loop,
            socket: socket,
            accepted: { socket, _ in accepted.append(socket) },
            exhausted: { _ in }
        )
        let address = Sockets.localAddress(of: socket)!
        let peers = (0..<150).map { _ in Peer(to: address) }
        listener.close()
        #expect(accepted.count == peers.count)
        let late = Peer(to: address)
        test.settle()
        #expect(accepted.count == peers.count, "it accepts no more")
        for socket in accepted { socket.close() }
        for peer in peers + [late] { peer.close() }
    }
}
