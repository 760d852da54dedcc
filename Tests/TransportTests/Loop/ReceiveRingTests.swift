// Channels that receive through io_uring instead of epoll; they must behave as `ChannelTests` expects of epoll.
import CertificateAuthority
import Glibc
import LoopTesting
import Testing
import Transport

/// Some containers forbid io_uring.
///
/// The loop then uses epoll alone, and this suite is skipped.
private func isRingAllowed() -> Bool {
    let test = TestLoop(poller: .ring)
    return withExtendedLifetime(test) { test.loop.hasRing }
}

@Suite(.enabled(if: isRingAllowed(), "io_uring is not allowed here"))
struct ReceiveRingTests {
    private let test = TestLoop(poller: .ring)

    private func tcp() throws -> (handler: Recorder, peer: Peer) {
        let (socket, peer) = try test.tcp()
        return (Recorder(socket, on: test), peer)
    }

    @Test func whatIsReceivedIsEchoedInTheSameTurn() throws {
        let (handler, peer) = try tcp()
        #expect(handler.channel?.isReceivingByRing == true)
        handler.echoes = true
        peer.send("hello")
        test.loop.turn(waitMax: 1000)
        peer.poll()
        #expect(peer.text == "hello")
        #expect(handler.flushes == 1 && handler.drained == 1)
    }

    @Test func withEpollAloneThereIsNoRing() throws {
        let test = TestLoop(poller: .epoll)
        let (socket, peer) = try test.tcp()
        let handler = Recorder(socket, on: test)
        handler.channel?.expectSmallReads()
        #expect(handler.channel?.isReceivingByRing == false && !test.loop.hasRing)
        peer.send("hello")
        test.settle()
        #expect(handler.text == "hello")
    }

    @Test func inAnAutomaticLoopAChannelEntersWhenItExpectsSmallReads() throws {
        let test = TestLoop()
        let (socket, peer) = try test.tcp()
        let handler = Recorder(socket, on: test)
        #expect(handler.channel?.isReceivingByRing == false)
        // The bytes that epoll read first and those that the ring reads later arrive in order.
        handler.onReceive = { $0.expectSmallReads() }
        handler.channel?.readLimit = EventLoop.readSize
        let bytes = pattern(200_000)
        var sent = 0
        test.run {
            if sent < bytes.count { sent += peer.send(Array(bytes[sent...])) }
            return handler.received.count == bytes.count
        }
        #expect(handler.received == bytes)
        #expect(handler.channel?.isReceivingByRing == true)
        handler.onReceive = nil
    }

    @Test(arguments: [false, true]) func moreThanTheRingsBuffersArrivesWholeAndInOrder(unix: Bool) throws {
        let (socket, peer) = unix ? Peer.pair() : try test.tcp()
        let handler = Recorder(socket, on: test)
        let bytes = pattern(5 << 20)
        var sent = 0
        test.run {
            if sent < bytes.count { sent += peer.send(Array(bytes[sent..<min(bytes.count, sent + (1 << 20))])) }
            return handler.received.count == bytes.count
        }
        #expect(handler.received == bytes)
        peer.close()
        test.settle()
        #expect(handler.endedInOrder)
    }

    @Test func manyChannelsShareTheBuffers() throws {
        var pairs: [(handler: Recorder, peer: Peer)] = []
        for _ in 0..<600 {
            let (socket, peer) = Peer.pair()
            pairs.append((Recorder(socket, on: test), peer))
        }
        let bytes = pattern(3000)
        for pair in pairs { pair.peer.send(bytes) }
        test.run { pairs.allSatisfy { $0.handler.received.count == bytes.count } }
        #expect(pairs.allSatisfy { $0.handler.received == bytes && $0.handler.ends.isEmpty })
    }

    @Test func aPauseIsKeptAndWhatFollowsIsReadAfterIt() throws {
        let (handler, peer) = try tcp()
        test.settle()
        handler.channel?.setReading(false)
        test.settle()
        #expect(handler.channel?.isReceivingByRing == false)
        peer.send("waits")
        test.settle()
        #expect(handler.received.isEmpty)
        handler.channel?.setReading(true)
        test.settle()
        #expect(handler.text == "waits" && handler.channel?.isReceivingByRing == true)
    }

    @Test func aPauseInsideADeliveryLosesNothing() throws {
        let (handler, peer) = try tcp()
        let bytes = pattern(300_000)
        var sent = 0
        handler.onReceive = { $0.setReading(false) }
        test.run {
            if sent < bytes.count { sent += peer.send(Array(bytes[sent...])) }
            handler.channel?.setReading(true)
            return handler.received.count == bytes.count
        }
        #expect(handler.received == bytes && handler.ends.isEmpty)
        handler.onReceive = nil
    }

    @Test func aPauseThatIsTakenBackAtOnceLosesNothing() throws {
        let (handler, peer) = try tcp()
        for round in 0..<50 {
            peer.send("\(round % 10)")
            handler.channel?.setReading(false)
            if round % 3 == 0 { test.loop.turn(waitMax: 0) }
            handler.channel?.setReading(true)
            if round % 2 == 0 { test.loop.turn(waitMax: 0) }
        }
        test.settle()
        #expect(handler.text == (0..<50).map { "\($0 % 10)" }.joined())
    }

    @Test func whilePausedAHangupIsHeardOnlyIfAskedFor() throws {
        for watches in [true, false] {
            let (handler, peer) = try tcp()
            handler.channel?.setReading(false, watchingHangup: watches)
            test.settle()
            peer.send("last words")
            peer.shutdown()
            test.settle()
            #expect(handler.received.isEmpty)
            #expect(handler.endedInOrder == watches)
            handler.channel?.close()
            test.settle()
            #expect(handler.released == 1 && handler.callsAfterRelease == 0)
        }
    }

    @Test func aHalfClosedPeerMayStillBeWrittenTo() throws {
        let (handler, peer) = try tcp()
        peer.send("and that is all")
        peer.shutdown()
        test.settle()
        #expect(handler.endedInOrder && handler.text == "and that is all")
        handler.say(Array("still here".utf8))
        test.settle(peer)
        #expect(peer.text == "still here")
        handler.channel?.close()
        test.settle(peer)
        #expect(peer.end == .closed && handler.released == 1 && handler.callsAfterRelease == 0)
    }

    @Test func aResetIsAFailure() throws {
        let (handler, peer) = try tcp()
        handler.onEnd = { $0.close() }
        peer.reset()
        test.settle()
        #expect(handler.failure?.code == ECONNRESET)
        #expect(handler.released == 1 && handler.callsAfterRelease == 0)
    }

    @Test func aCloseIsHeardByThePeerInTheNextTurn() throws {
        let (handler, peer) = try tcp()
        test.settle()
        handler.channel?.close()
        test.loop.turn(waitMax: 0)
        test.loop.turn(waitMax: 0)
        peer.poll()
        #expect(peer.end == .closed && handler.released == 1)
    }

    @Test func aResetOfOursIsHeardAsOne() throws {
        let (handler, peer) = try tcp()
        test.settle()
        handler.channel?.reset()
        test.run(peer) { peer.end != nil }
        #expect(peer.end == .reset)
    }

    @Test func aDescriptorThatIsUsedAgainAtOnceIsNotReadForItsPredecessor() throws {
        // The channel closes before the ring submits its receive, and the next socket gets the same descriptor
        // number.
        for _ in 0..<50 {
            let (socket, first) = Peer.pair()
            let handler = Recorder(socket, on: test)
            handler.channel?.close()
            test.loop.turn(waitMax: 0)
            let (next, second) = Peer.pair()
            let successor = Recorder(next, on: test)
            second.send("mine")
            test.settle()
            #expect(successor.text == "mine" && handler.received.isEmpty)
            successor.channel?.close()
            first.close()
            test.settle()
        }
    }

    @Test func whatWasReceivedForAChannelClosedInTheSameTurnIsDropped() throws {
        var handlers: [Recorder] = []
        var peers: [Peer] = []
        for _ in 0..<20 {
            let (socket, peer) = Peer.pair()
            handlers.append(Recorder(socket, on: test))
            peers.append(peer)
        }
        for handler in handlers {
            handler.onReceive = { _ in for other in handlers where other !== handler { other.channel?.close() } }
        }
        for peer in peers { peer.send("x") }
        test.settle()
        #expect(handlers.count { !$0.received.isEmpty } == 1)
        #expect(handlers.allSatisfy { $0.callsAfterRelease == 0 })
        for handler in handlers { handler.onReceive = nil }
    }

    @Test func aSmallReadLimitIsKeptByThePoller() throws {
        let (handler, peer) = try tcp()
        handler.channel?.readLimit = 2000
        test.settle()
        #expect(handler.channel?.isReceivingByRing == false)
        peer.send(pattern(5000))
        var sizes: [Int] = []
        handler.onReceive = { _ in sizes.append(handler.received.count) }
        test.settle()
        #expect(sizes == [2000, 4000, 5000])
        handler.onReceive = nil
    }

    @Test func aClosingChannelSaysEverythingThenLingersForThePeer() throws {
        let (socket, peer) = try test.tcp(receiveBuffer: 4096)
        let handler = Recorder(socket, on: test)
        let bytes = pattern(1 << 20)
        handler.say(bytes)
        handler.channel?.closeWhenFlushed()
        peer.send("unread, and no reason for a reset")
        test.run(peer) { peer.end != nil }
        #expect(peer.received == bytes && peer.end == .closed)
        peer.close()
        test.run { handler.released == 1 }
        #expect(handler.released == 1 && handler.callsAfterRelease == 0)
    }

    @Test func moreThanASocketTakesWaitsAndArrivesWhole() throws {
        let (socket, peer) = try test.tcp(receiveBuffer: 4096)
        let handler = Recorder(socket, on: test)
        let bytes = pattern(3 << 20)
        handler.say(bytes)
        test.run(peer) { peer.received.count == bytes.count }
        #expect(peer.received == bytes && handler.drained == 1)
    }

    @Test func throughTLSBothSidesOpenAndEcho() throws {
        let made = try makeDevelopmentCertificates(in: temporaryDirectory(), names: ["localhost"])
        let contexts = try TLSContext.server(certificates: [made.files], ticketKeys: TicketKeys { 0 })
        let clientContext = try TLSContext.client(caFile: made.ca, verify: true, alpn: ["h2"])
        let server = Recorder()
        server.echoes = true
        let address = try test.listen { [unowned test] socket, peer in
            let tls = TLSConnection.server(in: contexts, wire: test.loop.wire)
            server.channel = try? Channel.accept(socket, peer: peer, loop: test.loop, tls: tls)
            server.channel?.attach(server)
        }
        let client = Recorder()
        let tls = try TLSConnection.client(in: clientContext, wire: test.loop.wire, serverName: "localhost")
        client.channel = try Channel.connect(to: address, loop: test.loop, tls: tls)
        client.channel?.attach(client)
        let bytes = pattern(2 << 20)
        client.output = bytes
        #expect(test.run { client.received.count == bytes.count })
        #expect(client.received == bytes && client.channel?.isReceivingByRing == true)
        client.channel?.closeWhenFlushed()
        test.run { !server.ends.isEmpty }
        #expect(server.endedInOrder)
        server.channel?.close()
        test.run { client.released == 1 && server.released == 1 }
        #expect(client.released == 1 && client.callsAfterRelease == 0)
    }
}
