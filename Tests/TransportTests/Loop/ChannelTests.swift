// Tests channels without TLS, over real sockets, in an event loop that the test turns.
import Glibc
import LoopTesting
import Testing
import Transport

@Suite struct ChannelTests {
    private let test = TestLoop()

    @Test func whatIsReceivedIsEchoedInTheSameTurn() throws {
        let (socket, peer) = try test.tcp()
        let handler = Recorder(socket, on: test)
        handler.echoes = true
        peer.send("hello")
        test.loop.turn(waitMax: 1000)
        peer.poll()
        #expect(peer.text == "hello")
        #expect(handler.flushes == 1 && handler.drained == 1)
    }

    @Test(arguments: [false, true]) func moreThanASocketTakesWaitsAndArrivesWhole(unix: Bool) throws {
        let (socket, peer) = unix ? Peer.pair() : try test.tcp(receiveBuffer: 4096)
        let handler = Recorder(socket, on: test)
        let bytes = pattern(6 << 20)
        handler.say(bytes)
        test.loop.turn(waitMax: 0)
        let channel = try #require(handler.channel)
        #expect(channel.backlog > 0 && handler.drained == 0)
        let flushes = handler.flushes
        for _ in 0..<5 {
            channel.mark()
            test.loop.turn(waitMax: 0)
        }
        #expect(handler.flushes == flushes, "nobody is asked for more while the socket is full")
        test.run(peer) { peer.received.count == bytes.count }
        #expect(peer.received == bytes)
        #expect(channel.backlog == 0 && handler.drained == 1)
        #expect(test.loop.chunks.bytesInUse == 0)
    }

    @Test func aPausedChannelReadsNothingAndResumesWhereItWas() throws {
        let (socket, peer) = try test.tcp()
        let handler = Recorder(socket, on: test)
        handler.channel?.setReading(false)
        peer.send("waits")
        test.settle()
        #expect(handler.received.isEmpty)
        handler.channel?.setReading(true)
        test.settle()
        #expect(handler.text == "waits")
    }

    @Test func theReadLimitBoundsOneRead() throws {
        let (socket, peer) = try test.tcp()
        let handler = Recorder(socket, on: test)
        handler.channel?.readLimit = 2000
        peer.send(pattern(5000))
        var sizes: [Int] = []
        handler.onReceive = { _ in sizes.append(handler.received.count) }
        test.settle()
        #expect(sizes == [2000, 4000, 5000])
        handler.onReceive = nil
    }

    @Test func aHalfClosedPeerMayStillBeWrittenTo() throws {
        let (socket, peer) = try test.tcp()
        let handler = Recorder(socket, on: test)
        peer.shutdown()
        test.settle()
        #expect(handler.endedInOrder)
        handler.say(Array("still here".utf8))
        test.settle(peer)
        #expect(peer.text == "still here")
        handler.channel?.close()
        test.settle(peer)
        #expect(peer.end == .closed && handler.released == 1 && handler.callsAfterRelease == 0)
    }

    @Test func aResetIsAFailure() throws {
        let (socket, peer) = try test.tcp()
        let handler = Recorder(socket, on: test)
        handler.onEnd = { $0.close() }
        peer.reset()
        test.settle()
        #expect(handler.failure?.code == ECONNRESET)
        #expect(handler.released == 1 && handler.callsAfterRelease == 0)
    }

    @Test func whilePausedAHangupIsHeardOnlyIfAskedFor() throws {
        for watches in [true, false] {
            let (socket, peer) = try test.tcp()
            let handler = Recorder(socket, on: test)
            handler.channel?.setReading(false, watchingHangup: watches)
            peer.send("last words")
            peer.shutdown()
            test.settle()
            #expect(handler.received.isEmpty)
            #expect(handler.endedInOrder == watches)
            handler.channel?.close()
            test.settle()
        }
    }

    @Test(arguments: [false, true]) func whatAPeerSaidBeforeItClosedIsReadAfterAPause(unix: Bool) throws {
        let (socket, peer) = unix ? Peer.pair() : try test.tcp()
        let handler = Recorder(socket, on: test)
        handler.channel?.setReading(false)
        peer.send("all of it")
        peer.close()
        test.settle()
        #expect(handler.ends.isEmpty && handler.received.isEmpty)
        handler.channel?.setReading(true)
        test.settle()
        #expect(handler.text == "all of it")
        #expect(handler.endedInOrder)
        handler.channel?.close()
        test.settle()
    }

    @Test(arguments: [false, true]) func theEndIsHeardAfterManyReads(unix: Bool) throws {
        let (socket, peer) = unix ? Peer.pair() : try test.tcp()
        let handler = Recorder(socket, on: test)
        let bytes = pattern(100_500)
        #expect(peer.send(bytes) == bytes.count)
        peer.close()
        handler.channel?.readLimit = 10_000
        test.run { !handler.ends.isEmpty }
        #expect(handler.received == bytes && handler.endedInOrder)
        handler.channel?.close()
        test.settle()
    }

    @Test(arguments: [false, true]) func whatAPeerSaidBeforeItBrokeOurWriteIsStillRead(unix: Bool) throws {
        let (socket, peer) = unix ? Peer.pair() : try test.tcp()
        let handler = Recorder(socket, on: test)
        peer.send("413, stop")
        if !unix { handler.say(pattern(1000)) }
        peer.close()
        // The handler writes more to the connection that the peer has closed, before the loop has noticed the close.
        handler.onFlush = { $0.mark() }
        handler.say(pattern(100_000))
        handler.channel?.readLimit = 1024
        test.settle()
        #expect(handler.text == "413, stop")
        #expect(handler.ends.count == 1)
        handler.channel?.close()
        test.settle()
        #expect(handler.released == 1)
    }

    @Test func aClosingChannelSaysEverythingThenLingersForThePeer() throws {
        let (socket, peer) = try test.tcp(receiveBuffer: 4096)
        let handler = Recorder(socket, on: test)
        let bytes = pattern(4 << 20)
        handler.say(bytes)
        handler.channel?.closeWhenFlushed()
        peer.send("unread, and no reason for a reset")
        test.run(peer) { peer.end != nil }
        #expect(peer.received == bytes && peer.end == .closed)
        #expect(handler.released == 0)
        peer.send("more of it")
        peer.close()
        test.run { handler.released == 1 }
        #expect(handler.released == 1)
    }

    @Test func aClosingChannelGoesOnWhenThePeerIsDoneSpeaking() throws {
        let (socket, peer) = try test.tcp(receiveBuffer: 4096)
        let handler = Recorder(socket, on: test)
        let bytes = pattern(4 << 20)
        handler.say(bytes)
        handler.channel?.closeWhenFlushed()
        test.loop.turn(waitMax: 0)
        peer.shutdown()
        test.run(peer) { peer.end != nil }
        #expect(peer.received == bytes && peer.end == .closed)
        test.run { handler.released == 1 }
        #expect(handler.ends.isEmpty)
    }

    @Test func aLingeringChannelWaitsNoLongerThanItsTime() throws {
        let (socket, peer) = try test.tcp()
        let handler = Recorder(socket, on: test)
        handler.channel?.closeWhenFlushed()
        test.settle(peer)
        #expect(peer.end == .closed && handler.released == 0)
        test.pass(3 * second)
        #expect(handler.released == 1)
    }

    /// A channel can wait at its end until the peer has acknowledged all output.
    ///
    /// It waits 5 s, and longer while the peer continues to read.
    @Test func aLingeringChannelMayWaitForAcknowledgements() throws {
        let (socket, peer) = try test.tcp(receiveBuffer: 4096)
        let handler = Recorder(socket, on: test)
        handler.channel?.linger = .untilAcknowledged
        // The socket's send buffer takes these bytes at once, and the peer acknowledges only some of them.
        let bytes = pattern(64 << 10)
        handler.say(bytes)
        handler.channel?.closeWhenFlushed()
        test.loop.turn(waitMax: 0)
        test.loop.turn(waitMax: 0)
        test.pass(6 * second)
        #expect(handler.released == 0, "something is unacknowledged")
        peer.poll(limit: 32 << 10)
        test.pass(6 * second)
        #expect(handler.released == 0, "the peer has acknowledged more since")
        test.run(peer) { peer.end != nil }
        #expect(peer.received == bytes && peer.end == .closed)
        test.pass(6 * second)
        #expect(handler.released == 1)
    }

    @Test func aLingeringChannelDoesNotWaitForAPeerThatAcknowledgesNothing() throws {
        let (socket, peer) = try test.tcp(receiveBuffer: 4096)
        let handler = Recorder(socket, on: test)
        handler.channel?.linger = .untilAcknowledged
        handler.say(pattern(64 << 10))
        handler.channel?.closeWhenFlushed()
        test.loop.turn(waitMax: 0)
        test.loop.turn(waitMax: 0)
        test.pass(6 * second)
        #expect(handler.released == 0 && peer.end == nil)
        test.pass(6 * second)
        #expect(handler.released == 1)
    }

    @Test func aPeerThatTakesNothingOfTheLastWordsIsCut() throws {
        let (socket, peer) = try test.tcp(receiveBuffer: 4096)
        let handler = Recorder(socket, on: test)
        handler.say(pattern(8 << 20))
        handler.channel?.closeWhenFlushed()
        test.settle()
        test.pass(29 * second)
        #expect(handler.released == 0)
        test.pass(2 * second)
        #expect(handler.released == 1)
        test.run(peer) { peer.end != nil }
        #expect(peer.end == .reset)
    }

    /// While a channel closes, a peer that reads the remaining output more slowly than the minimum pace is cut off,
    /// even if it reads a little from time to time.
    @Test(arguments: [false, true]) func aPeerThatTakesTheLastWordsTooSlowlyIsCut(hasPace: Bool) throws {
        let (socket, peer) = try test.tcp(receiveBuffer: 4096)
        let handler = Recorder(socket, on: test)
        handler.channel?.closingBytesPerSecondMin = hasPace ? 64 << 20 : 0
        handler.say(pattern(32 << 20))
        handler.channel?.closeWhenFlushed()
        test.settle()
        for _ in 0..<8 where handler.released == 0 {
            // The socket buffer is full, so the kernel accepts more output only after the peer has read some.
            let before = try #require(handler.channel).lastProgress
            test.clock.advance(by: 20 * second)
            test.run {
                peer.poll(limit: 64 << 10)
                return handler.released > 0 || (handler.channel?.lastProgress ?? 0) > before
            }
        }
        #expect(handler.released == (hasPace ? 1 : 0))
    }

    @Test func anAbruptEndIsAReset() throws {
        let (socket, peer) = try test.tcp()
        let handler = Recorder(socket, on: test)
        handler.say(Array("part".utf8))
        handler.channel?.closeWhenFlushed(abruptly: true)
        test.run(peer) { peer.end != nil }
        #expect(peer.end == .reset && handler.released == 1)
    }

    @Test func aChannelMayBeClosedInsideAnyOfItsCalls() throws {
        for place in 0..<3 {
            let (socket, peer) = try test.tcp()
            weak var freed: Channel?
            let handler = Recorder(socket, on: test)
            freed = handler.channel
            if place == 0 { handler.onReceive = { $0.close() } }
            if place == 1 { handler.onFlush = { $0.close() } }
            if place == 2 { handler.onEnd = { $0.close() } }
            handler.echoes = place == 1
            peer.send("x")
            test.settle()
            peer.close()
            test.settle()
            #expect(handler.released == 1 && handler.callsAfterRelease == 0)
            #expect(freed == nil)
        }
    }

    @Test func anEventForAChannelClosedInTheSameTurnIsIgnored() throws {
        var handlers: [Recorder] = []
        var peers: [Peer] = []
        for _ in 0..<20 {
            let (socket, peer) = Peer.pair()
            handlers.append(Recorder(socket, on: test))
            peers.append(peer)
        }
        // The handler that is called first closes all other channels and opens new ones. The loop gives the new
        // channels the indices of the closed ones, whose events are still to be handled in this turn.
        var replaced: [Recorder] = []
        var others: [Peer] = []
        for handler in handlers {
            handler.onReceive = { [unowned test] first in
                guard replaced.isEmpty else { return }
                for other in handlers where other !== handler { other.channel?.close() }
                for _ in 0..<19 {
                    let (socket, peer) = Peer.pair()
                    replaced.append(Recorder(socket, on: test))
                    others.append(peer)
                }
            }
        }
        for peer in peers { peer.send("x") }
        test.settle()
        #expect(handlers.count { !$0.received.isEmpty } == 1)
        #expect(handlers.allSatisfy { $0.callsAfterRelease == 0 })
        #expect(replaced.count == 19 && replaced.allSatisfy { $0.received.isEmpty && $0.ends.isEmpty })
        for handler in handlers { handler.onReceive = nil }
    }

    @Test func connectingToNobodyIsRefusedInALaterTurn() throws {
        let handler = Recorder()
        handler.channel = try Channel.connect(to: refusingAddress(), loop: test.loop)
        handler.channel?.attach(handler)
        handler.onEnd = { $0.close() }
        #expect(handler.ends.isEmpty)
        test.run { handler.released == 1 }
        #expect(handler.failure?.call == "connect" && handler.failure?.code == ECONNREFUSED)
        #expect(handler.opened == 0)
    }

    @Test func connectingToNoUnixSocketIsAnError() {
        let address = SocketAddress(unixPath: temporaryDirectory() + "/nobody")!
        #expect(throws: SystemError.self) { try Channel.connect(to: address, loop: test.loop) }
    }

    @Test func aChannelThatConnectsIsOpenedOnceAndFlushes() throws {
        var accepted: Recorder?
        let address = try test.listen { [unowned test] socket, _ in
            accepted = Recorder(socket, on: test)
            accepted?.echoes = true
        }
        let handler = Recorder()
        handler.output = Array("said before it was open".utf8)
        handler.channel = try Channel.connect(to: address, loop: test.loop)
        handler.channel?.attach(handler)
        handler.channel?.mark()
        test.run { handler.received.count == 23 }
        #expect(handler.opened == 1 && handler.text == "said before it was open")
    }
}
