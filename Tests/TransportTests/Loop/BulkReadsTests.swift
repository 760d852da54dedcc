// Tests how much one turn of the event loop reads from peers that send a lot of data, and that it reads from all of
// them fairly.
import LoopTesting
import Testing

@testable import Transport

@Suite struct BulkReadsTests {
    @Test func largeReadsHaveHalfAMillisecondOfATurn() {
        var reads = BulkReads()
        reads.turnBegins()
        for time in [7, 300_000, 500_006] as [Nanoseconds] {
            reads.readWasLarge(at: time)
            #expect(!reads.isOver)
        }
        reads.readWasLarge(at: 500_007)
        #expect(reads.isOver)
        reads.turnBegins()
        #expect(!reads.isOver)
        reads.readWasLarge(at: 900_000)
        #expect(!reads.isOver, "each turn has its own time")
    }

    /// Makes channels whose peers have sent `bytes` bytes each; every read of a channel takes 0.2 ms of the test's
    /// clock.
    private func channels(_ count: Int, bytes: Int, on test: TestLoop) -> [(handler: Recorder, peer: Peer)] {
        (0..<count).map { _ in
            let (socket, peer) = Peer.pair()
            let handler = Recorder(socket, on: test)
            handler.onReceive = { _ in test.clock.advance(by: 200_000) }
            #expect(peer.send([UInt8](repeating: 1, count: bytes)) == bytes)
            return (handler, peer)
        }
    }

    @Test func oneTurnReadsFromFewOfThoseThatSendMuch() {
        let test = TestLoop(poller: .epoll)
        let many = channels(10, bytes: 150_000, on: test)
        let (socket, peer) = Peer.pair()
        let short = Recorder(socket, on: test)
        var progress: [Int] { many.map(\.handler.received.count) }
        test.loop.turn(waitMax: 1000)
        let first = progress
        #expect(first.filter { $0 == 64 << 10 }.count == 4 && first.filter { $0 == 16 << 10 }.count == 6, "\(first)")
        peer.send("a short request")
        test.loop.turn(waitMax: 1000)
        #expect(zip(first, progress).filter { $0 < $1 }.count == 4, "\(progress)")
        #expect(short.received.count == 15, "others are read in each turn")
        test.loop.turn(waitMax: 1000)
        #expect(zip(first, progress).filter { $0 < $1 }.count == 8, "those come next that have waited: \(progress)")
        test.run { progress.allSatisfy { $0 == 150_000 } }
        #expect(progress.allSatisfy { $0 == 150_000 })
        withExtendedLifetime(many) {}
    }

    /// A channel that has to wait for the next turn, because others are read in this one, is not read earlier if more
    /// bytes arrive for it.
    @Test func moreBytesDoNotEndItsWait() {
        let test = TestLoop(poller: .epoll)
        let many = channels(10, bytes: 100_000, on: test)
        test.loop.turn(waitMax: 1000)
        for one in many { one.peer.send("more") }
        let before = many.map(\.handler.received.count)
        test.loop.turn(waitMax: 1000)
        #expect(zip(before, many).filter { $0 < $1.handler.received.count }.count == 4)
        for one in many { one.peer.close() }
        test.run { many.allSatisfy { !$0.handler.ends.isEmpty } }
        #expect(many.allSatisfy { $0.handler.received.count == 100_004 && $0.handler.ends.count == 1 })
    }

    /// A channel that has asked to continue in the next turn does so, even while other peers send a lot of data.
    @Test func whatWasPutOffGoesOnInTheNextTurn() throws {
        final class Putting: ChannelHandler {
            var continued = 0
            func channelOpened(_ channel: Channel) {}
            func channel(_ channel: Channel, received bytes: Span<UInt8>) {
                channel.setReading(false)
                channel.continueNextTurn()
            }
            func channel(_ channel: Channel, ended end: ChannelEnd) { channel.close() }
            func channelFlush(_ channel: Channel, into scratch: Scratch) {}
            func channelDrained(_ channel: Channel) {}
            func channelContinues(_ channel: Channel) { continued += 1 }
            func channelReleased(_ channel: Channel) {}
        }
        let test = TestLoop(poller: .epoll)
        let many = channels(10, bytes: 100_000, on: test)
        let (socket, peer) = Peer.pair()
        let handler = Putting()
        try Channel.accept(socket, peer: Sockets.localAddress(of: socket)!, loop: test.loop).attach(handler)
        peer.send("x")
        test.loop.turn(waitMax: 1000)
        #expect(handler.continued == 0)
        test.loop.turn(waitMax: 1000)
        #expect(handler.continued == 1)
        withExtendedLifetime(many) {}
    }
}
