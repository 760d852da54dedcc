// The order of the steps in one turn of the event loop.
import CLinux
import Glibc
import LoopTesting
import Testing

@testable import Transport

@Suite struct EventLoopTests {
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
}
