// The turn itself: what happens in which order, and what listeners and gathering add to it.
import CLinux
import Glibc
import LoopTesting
import Testing

@testable import Transport

@Suite struct LoopTests {
    @Test func aTurnDeliversAndFlushesAndFreesBeforeItsEndIsTold() throws {
        let test = TestLoop()
        let (socket, peer) = Peer.pair()
        let handler = Recorder(socket, on: test)
        var released: [Int] = []
        test.loop.onTurnEnd = { released.append(handler.released) }
        handler.onReceive = { $0.close() }
        peer.send("x")
        test.loop.turn(waitMax: 1000)
        #expect(released == [1])
        test.loop.onTurnEnd = nil
    }

    @Test func aChannelClosedByTheReleaseOfAnotherGoesInTheSameTurn() throws {
        final class Chain: ChannelHandler {
            let next: Recorder
            init(next: Recorder) { self.next = next }
            func channelOpened(_ channel: Channel) {}
            func channel(_ channel: Channel, received bytes: Span<UInt8>) {}
            func channel(_ channel: Channel, ended end: ChannelEnd) { channel.close() }
            func channelFlush(_ channel: Channel, into scratch: Scratch) {}
            func channelDrained(_ channel: Channel) {}
            func channelReleased(_ channel: Channel) { next.channel?.close() }
        }
        let test = TestLoop()
        let (first, peer) = Peer.pair()
        let (second, other) = Peer.pair()
        let last = Recorder(second, on: test)
        try Channel.accept(first, peer: last.channel!.peer, loop: test.loop).attach(Chain(next: last))
        peer.close()
        test.loop.turn(waitMax: 1000)
        #expect(last.released == 1)
        other.poll()
        #expect(other.end == .closed)
    }

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

    /// Whoever finds no room is not accepted at all: it waits in the backlog, and is not reset.
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

    @Test func onlyABusyLoopWithSmallTurnsGathers() {
        var quiet = Gatherer(.auto)
        for turn in 1...100 { quiet.observe(events: 1, now: UInt64(turn) * 1_000_000) }
        #expect(!quiet.isBusy, "a thousand events a second")
        for turn in 1...1000 { quiet.observe(events: 1, now: 200_000_000 + UInt64(turn) * 100_000) }
        #expect(!quiet.isBusy, "nor ten thousand: waiting would cost more than it gains")
        var busy = Gatherer(.auto)
        for turn in 1...1000 { busy.observe(events: 5, now: UInt64(turn) * 100_000) }
        #expect(busy.isBusy, "fifty thousand events a second, a few a turn")
        for turn in 1...100 { busy.observe(events: 200, now: 100_000_000 + UInt64(turn) * 1_000_000) }
        #expect(!busy.isBusy, "turns that are full gain nothing")
        var burst = Gatherer(.auto)
        for turn in 1...31 { burst.observe(events: 1, now: second + UInt64(turn) * 10_000) }
        #expect(!burst.isGathering, "the first of a burst are served at once")
        burst.observe(events: 1, now: second + 320_000)
        #expect(burst.isGathering && !burst.isBusy, "those that follow without a pause come together")
        burst.observe(events: 1, now: second + 2_000_000)
        #expect(!burst.isGathering, "until the next pause")
        var off = Gatherer(.off)
        for turn in 1...1000 { off.observe(events: 1, now: UInt64(turn) * 100_000) }
        #expect(!off.isBusy && !off.isGathering)
    }
}
