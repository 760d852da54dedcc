// TLS handshakes wait if the server's loop has streams under way, and handshakes have used up their CPU time.
import CertificateAuthority
import Glibc
import LoopTesting
import Testing

@testable import Transport

@Suite struct ChannelHandshakeTests {
    private static let pollers: [PollerChoice] = [.auto, .epoll, .ring]
    private let contexts: TLSServerContexts
    private let clientContext: TLSContext

    init() throws {
        let made = try makeDevelopmentCertificates(in: temporaryDirectory(), names: ["localhost"])
        contexts = try TLSContext.server(certificates: [made.files], ticketKeys: makeTicketKeys())
        clientContext = try TLSContext.client(caFile: made.ca, verify: true, alpn: ["h2"])
    }

    /// A connection: the server's channel with TLS, and the client, whose TLS runs in the test.
    private final class Connection {
        let test: TestLoop
        let handler = Recorder()
        let peer: Peer
        var tls: End
        /// Whether the client has received any bytes from the server.
        private(set) var hasAnswer = false

        init(
            _ test: TestLoop,
            _ contexts: TLSServerContexts,
            _ context: TLSContext,
            of client: HandshakeClient? = nil,
            resuming session: TLSSession? = nil,
            preamble: (any ChannelPreamble)? = nil
        ) throws {
            self.test = test
            handler.client = client
            handler.onEnd = { $0.close() }
            let (socket, peer) = try test.tcp()
            self.peer = peer
            tls = try End(client: context, serverName: "localhost", resuming: session)
            tls.take([])
            let server = TLSConnection.server(in: contexts, wire: test.loop.wire)
            let address = Sockets.localAddress(of: socket)!
            let channel = try Channel.accept(socket, peer: address, loop: test.loop, tls: server, preamble: preamble)
            handler.channel = channel
            channel.attach(handler)
        }

        /// Waits until the kernel has what the client has sent, so that the next turn of the loop sees it.
        ///
        /// - Parameter events: `POLLIN`, or 0x2000 for `POLLRDHUP`.
        func arrives(_ events: Int16) -> Bool {
            guard let descriptor = handler.channel?.descriptor else { return false }
            var request = pollfd(fd: descriptor, events: events, revents: 0)
            return poll(&request, 1, 10_000) == 1
        }

        /// Passes the received bytes to the client's TLS, and sends to the server what the client's TLS produces.
        func carry() {
            peer.poll()
            let bytes = peer.take()
            if !bytes.isEmpty {
                hasAnswer = true
                tls.take(bytes)
            }
            let output = tls.send()
            if !output.isEmpty { peer.send(output) }
        }
    }

    private func connect(
        _ test: TestLoop,
        of address: String? = nil,
        isKnown: Bool = false,
        resuming session: TLSSession? = nil
    ) throws -> Connection {
        let client = address.map { HandshakeClient(address: IPAddress(parsing: $0), isKnown: isKnown) }
        return try Connection(test, contexts, clientContext, of: client, resuming: session)
    }

    /// A loop that has streams under way, and whose handshakes have used up their budget of CPU time.
    ///
    /// Its clock stands still until the test advances it, so the budget does not refill by itself.
    private func busyLoop(_ poller: PollerChoice = .auto) -> TestLoop {
        let test = TestLoop(poller: poller)
        test.loop.handshakes.hasStreams = true
        test.loop.handshakes.spend(20_000_000, at: test.loop.now)
        return test
    }

    /// Sends the ClientHellos of these clients, and turns the loop until their handshakes wait.
    private func hold(_ connections: Connection..., on test: TestLoop) {
        let before = test.loop.handshakes.waitingCount
        for connection in connections { connection.carry() }
        for connection in connections { #expect(connection.arrives(Int16(POLLIN))) }
        for _ in 0..<20 where test.loop.handshakes.waitingCount < before + connections.count {
            test.loop.turn(waitMax: 1)
        }
        #expect(test.loop.handshakes.waitingCount == before + connections.count)
    }

    private func finish(_ connections: Connection..., on test: TestLoop) {
        test.run {
            for connection in connections { connection.carry() }
            return connections.allSatisfy { $0.handler.opened == 1 && $0.tls.isEstablished }
        }
        for connection in connections { #expect(connection.handler.opened == 1 && connection.tls.isEstablished) }
        #expect(test.loop.handshakes.waitingCount == 0)
    }

    @Test func withoutStreamsNothingWaits() throws {
        let test = busyLoop()
        test.loop.handshakes.hasStreams = false
        let connections = try (0..<3).map { _ in try connect(test) }
        for connection in connections { finish(connection, on: test) }
        #expect(test.loop.handshakes.heldCount == 0)
    }

    @Test func withinTheBudgetNothingWaits() throws {
        let test = TestLoop()
        test.loop.handshakes.hasStreams = true
        // The test's clock stands still, so each handshake is measured as 0 ns and uses up no budget.
        for _ in 0..<3 { finish(try connect(test), on: test) }
        #expect(test.loop.handshakes.heldCount == 0)
    }

    @Test(arguments: Self.pollers) func beyondItTheyWaitUnreadAndGoOnOneATurn(poller: PollerChoice) throws {
        let test = busyLoop(poller)
        let (one, two) = (try connect(test), try connect(test))
        hold(one, two, on: test)
        for connection in [one, two] { connection.carry() }
        #expect(test.loop.handshakes.heldCount == 2 && !one.hasAnswer && !two.hasAnswer)
        // The budget is used up. But in a turn without events the loop has nothing else to do, so it continues one of
        // the two waiting handshakes.
        test.loop.turn(waitMax: 0)
        #expect(test.loop.handshakes.waitingCount == 1)
        finish(one, two, on: test)
        #expect(test.loop.handshakes.heldCount == 2, "the last flight of a handshake is not counted again")
    }

    @Test func whenTheStreamsAreOverAllGoOn() throws {
        let test = busyLoop()
        let (one, two, three) = (try connect(test), try connect(test), try connect(test))
        hold(one, two, three, on: test)
        test.loop.handshakes.hasStreams = false
        test.loop.turn(waitMax: 0)
        #expect(test.loop.handshakes.waitingCount == 0)
        finish(one, two, three, on: test)
    }

    @Test func timeGivesBudgetBack() throws {
        let test = busyLoop()
        let (one, two) = (try connect(test), try connect(test))
        test.clock.advance(by: 10 * second)
        finish(one, two, on: test)
        #expect(test.loop.handshakes.heldCount == 0)
    }

    /// Turns the loop, and returns the indexes of `connections` in the order in which the server answers them.
    private func order(_ connections: [Connection], on test: TestLoop) -> [Int] {
        var order: [Int] = []
        for _ in connections {
            test.loop.turn(waitMax: 0)
            test.loop.turn(waitMax: 0)
            for (index, connection) in connections.enumerated() where !order.contains(index) {
                connection.peer.poll()
                if !connection.peer.received.isEmpty { order.append(index) }
            }
        }
        return order
    }

    @Test func aKnownClientAndAResumptionGoBeforeStrangers() throws {
        let test = busyLoop()
        let earlier = try connect(test)
        test.loop.handshakes.hasStreams = false
        finish(earlier, on: test)
        var session: TLSSession?
        test.run {
            earlier.carry()
            session = earlier.tls.connection.session
            return session != nil
        }
        test.loop.handshakes.hasStreams = true
        let strangers = [try connect(test, of: "192.0.2.1"), try connect(test, of: "192.0.2.2")]
        let known = try connect(test, of: "192.0.2.3", isKnown: true)
        let resuming = try connect(test, of: "192.0.2.4", resuming: session)
        hold(strangers[0], strangers[1], known, resuming, on: test)
        let all = strangers + [known, resuming]
        var opened: [Int] = []
        for _ in 0..<200 where opened.count < all.count {
            // One turn of the loop continues at most one handshake, so the server's answers show the order.
            test.loop.turn(waitMax: 0)
            for (index, connection) in all.enumerated() {
                connection.carry()
                if connection.hasAnswer, !opened.contains(index) { opened.append(index) }
            }
        }
        #expect(opened == [2, 3, 0, 1])
        for connection in all { finish(connection, on: test) }
        #expect(resuming.tls.isResumed)
    }

    @Test func manyOfOneAddressDoNotDelayAnother() throws {
        let test = busyLoop()
        let attackers = try (0..<8).map { _ in try connect(test, of: "192.0.2.1") }
        for attacker in attackers { hold(attacker, on: test) }
        let other = try connect(test, of: "192.0.2.2")
        hold(other, on: test)
        #expect(order(attackers + [other], on: test).prefix(2).contains(8))
    }

    @Test(arguments: [false, true]) func whoLeavesIsForgottenUnread(abruptly: Bool) throws {
        let test = busyLoop()
        let gone = try connect(test)
        hold(gone, on: test)
        if abruptly { gone.peer.reset() } else { gone.peer.shutdown() }
        #expect(gone.arrives(0x2000))
        for _ in 0..<20 where gone.handler.released == 0 { test.loop.turn(waitMax: 1) }
        #expect(gone.handler.released == 1 && gone.handler.opened == 0 && test.loop.handshakes.waitingCount == 0)
        gone.peer.poll()
        #expect(gone.peer.received.isEmpty && gone.handler.ends.count == 1)
    }

    @Test func aChannelThatIsClosedWaitsNoMore() throws {
        let test = busyLoop()
        weak var freed: Channel?
        do {
            let connection = try connect(test)
            hold(connection, on: test)
            freed = connection.handler.channel
            connection.handler.channel?.close()
            #expect(test.loop.handshakes.waitingCount == 0)
            test.settle(connection.peer)
            #expect(connection.handler.released == 1)
        }
        #expect(freed == nil)
    }

    @Test func whereThereIsNoPlaceTheConnectionIsRefused() throws {
        let test = busyLoop()
        test.loop.handshakes.places = 2
        let held = try connect(test, of: "192.0.2.1")
        hold(held, on: test)
        let refused = try connect(test, of: "192.0.2.1")
        refused.carry()
        let other = try connect(test, of: "192.0.2.2")
        hold(other, on: test)
        #expect(refused.handler.released == 1 && refused.handler.opened == 0)
        guard case .tls(let error)? = refused.handler.ends.first else {
            Issue.record("no TLS error")
            return
        }
        #expect(HandshakeFailure(error) == .noRoom)
        finish(held, other, on: test)
    }

    @Test(arguments: Self.pollers) func whatCameWithAPreambleWaits(poller: PollerChoice) throws {
        let test = busyLoop(poller)
        let stage = LinePreamble()
        let connection = try Connection(test, contexts, clientContext, preamble: stage)
        connection.peer.send("P 192.0.2.1\n")
        hold(connection, on: test)
        connection.carry()
        #expect(stage.line == "P 192.0.2.1" && !connection.hasAnswer)
        finish(connection, on: test)
        #expect(connection.tls.write(Array("ping".utf8)) == nil)
        connection.carry()
        test.run { connection.handler.text == "ping" }
        #expect(connection.handler.text == "ping" && test.loop.handshakes.heldCount == 1)
    }

    /// A client that speaks HTTP without TLS is detected only when its waiting handshake continues.
    @Test func whoSpeaksNoTLSIsToldWhenItsTurnComes() throws {
        let test = busyLoop()
        let connection = try connect(test)
        connection.peer.send("GET / HTTP/1.1\r\n\r\n")
        test.run(connection.peer) { connection.handler.released == 1 }
        guard case .tls(let error)? = connection.handler.ends.first else {
            Issue.record("no TLS error")
            return
        }
        #expect(error.kind == .plainHTTP && test.loop.handshakes.heldCount == 1)
    }
}
