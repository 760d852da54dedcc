// Tests preambles: bytes that a proxy sends on a connection before the client's own bytes. The channel removes them,
// and all later bytes arrive unchanged.
import CertificateAuthority
import Glibc
import LoopTesting
import Testing

@testable import Transport

@Suite struct ChannelPreambleTests {
    private static let pollers: [PollerChoice] = [.epoll, .ring]
    private let preamble = Array("P 192.0.2.1\n".utf8)
    private let contexts: TLSServerContexts
    private let clientContext: TLSContext

    init() throws {
        let made = try makeDevelopmentCertificates(in: temporaryDirectory(), names: ["localhost"])
        contexts = try TLSContext.server(certificates: [made.files], ticketKeys: TicketKeys { 0 })
        clientContext = try TLSContext.client(caFile: made.ca, verify: true, alpn: ["h2"])
    }

    /// An accepted connection whose channel expects a preamble, a line that a proxy sends first, and its peer.
    private struct Connection {
        let test: TestLoop
        let stage: LinePreamble
        let handler = Recorder()
        let peer: Peer

        init(_ poller: PollerChoice, tls contexts: TLSServerContexts? = nil, isOptional: Bool = false) throws {
            test = TestLoop(poller: poller)
            stage = LinePreamble(isOptional: isOptional)
            let (socket, peer) = try test.tcp()
            self.peer = peer
            let address = Sockets.localAddress(of: socket)!
            let tls = contexts.map { [test] in TLSConnection.server(in: $0, wire: test.loop.wire) }
            let channel = try Channel.accept(socket, peer: address, loop: test.loop, tls: tls, preamble: stage)
            handler.channel = channel
            channel.attach(handler)
        }

        func say(_ bytes: some Collection<UInt8>) {
            if !bytes.isEmpty { peer.send(Array(bytes)) }
            test.settle(peer)
        }

        /// Whether the handler got no bytes and exactly one end: the error `failure`, or a normal close if that is nil.
        func isOver(_ failure: CInt?) -> Bool {
            test.settle(peer)
            let isTold = failure == nil ? handler.endedInOrder : handler.failure?.code == failure
            return isTold && handler.ends.count == 1 && handler.opened == 0 && handler.received.isEmpty
                && handler.released == 1 && handler.callsAfterRelease == 0 && peer.end != nil
        }
    }

    @Test(arguments: Self.pollers) func inClearTheRestArrivesWhateverTheSplit(poller: PollerChoice) throws {
        let rest = Array("GET / HTTP/1.1\r\n".utf8)
        let bytes = preamble + rest
        for split in 0...bytes.count {
            let connection = try Connection(poller)
            connection.say(bytes[..<split])
            #expect(connection.handler.opened == (split < preamble.count ? 0 : 1))
            connection.say(bytes[split...])
            #expect(connection.handler.received == rest && connection.handler.opened == 1)
            #expect(connection.stage.line == "P 192.0.2.1" && connection.handler.ends.isEmpty)
        }
    }

    @Test(arguments: Self.pollers) func onceItIsDoneNothingAsksItAnyMore(poller: PollerChoice) throws {
        let connection = try Connection(poller)
        connection.handler.echoes = true
        for byte in preamble { connection.say([byte]) }
        #expect(connection.stage.reads == preamble.count && connection.handler.received.isEmpty)
        #expect(connection.handler.channel?.isReceivingByRing == (poller == .ring && connection.test.loop.hasRing))
        let bytes = pattern(300_000)
        var sent = 0
        connection.test.run(connection.peer) {
            if sent < bytes.count { sent += connection.peer.send(Array(bytes[sent...])) }
            return connection.peer.received.count == bytes.count
        }
        #expect(connection.handler.received == bytes && connection.peer.received == bytes)
        #expect(connection.stage.reads == preamble.count)
    }

    /// Completes the TLS handshake, sends `ping`, and checks that it comes back.
    private func finish(_ connection: Connection, _ client: End) -> Bool {
        connection.test.run(connection.peer) {
            let bytes = connection.peer.take()
            if !bytes.isEmpty { client.take(bytes) }
            let output = client.send()
            if !output.isEmpty { connection.peer.send(output) }
            return client.isEstablished && client.failure == nil && output.isEmpty
        }
        guard client.write(Array("ping".utf8)) == nil else { return false }
        connection.peer.send(client.send())
        connection.test.run(connection.peer) {
            let bytes = connection.peer.take()
            if !bytes.isEmpty { client.take(bytes) }
            return client.received.count == 4
        }
        return client.received == Array("ping".utf8) && connection.handler.text == "ping"
            && connection.handler.opened == 1 && connection.handler.channel?.negotiatedHTTP2 == true
    }

    @Test(arguments: Self.pollers) func overTLSTheHandshakeFollowsWhateverTheSplit(poller: PollerChoice) throws {
        for split in 0...preamble.count + 7 {
            let connection = try Connection(poller, tls: contexts)
            connection.handler.echoes = true
            let client = try End(client: clientContext, serverName: "localhost")
            client.take([])
            let bytes = preamble + client.send()
            connection.say(bytes[..<split])
            #expect(connection.handler.opened == 0 && connection.handler.ends.isEmpty)
            connection.say(bytes[split...])
            #expect(finish(connection, client) && connection.stage.line == "P 192.0.2.1")
        }
    }

    @Test(arguments: Self.pollers) func overTLSByteByByte(poller: PollerChoice) throws {
        let connection = try Connection(poller, tls: contexts)
        connection.handler.echoes = true
        let client = try End(client: clientContext, serverName: "localhost")
        client.take([])
        for byte in preamble + client.send() { connection.say([byte]) }
        #expect(finish(connection, client) && connection.stage.reads == preamble.count)
    }

    @Test func whereThereIsNoneWhatWasLookedAtIsTheClients() throws {
        let connection = try Connection(.epoll, isOptional: true)
        connection.say("G".utf8)
        #expect(connection.handler.opened == 0)
        connection.say("ET /".utf8)
        #expect(connection.handler.text == "GET /" && connection.handler.opened == 1)
        let secure = try Connection(.epoll, tls: contexts, isOptional: true)
        secure.handler.echoes = true
        let client = try End(client: clientContext, serverName: "localhost")
        client.take([])
        #expect(finish(secure, client) && secure.stage.line == nil)
    }

    @Test(arguments: [false, true]) func aRefusalCloses(secure: Bool) throws {
        let connection = try Connection(.epoll, tls: secure ? contexts : nil)
        connection.say("GET / HTTP/1.1\r\n".utf8)
        #expect(connection.isOver(EPROTO))
    }

    @Test(arguments: [false, true]) func onePastItsBoundCloses(secure: Bool) throws {
        let longest = Array("P 1234567890123\n".utf8)
        let whole = try Connection(.epoll, tls: secure ? contexts : nil)
        #expect(longest.count == whole.stage.bytesMax)
        whole.say(longest)
        #expect(whole.handler.ends.isEmpty && whole.stage.line == "P 1234567890123")
        // A preamble line that is too long is refused, whether its line feed has arrived or not.
        for text in ["P 12345678901234", "P 12345678901234\nGET / HTTP/1.1\r\n"] {
            for isSplit in [false, true] {
                let connection = try Connection(.epoll, tls: secure ? contexts : nil)
                if isSplit { connection.say(text.utf8.prefix(9)) }
                connection.say(isSplit ? text.utf8.dropFirst(9) : text.utf8[...])
                #expect(connection.isOver(EMSGSIZE))
            }
        }
    }

    @Test(arguments: [false, true]) func aPeerThatEndsInsideItIsForgotten(secure: Bool) throws {
        for count in [0, 1, 5] {
            let connection = try Connection(.epoll, tls: secure ? contexts : nil)
            connection.handler.onEnd = { $0.close() }
            connection.say(preamble[..<count])
            connection.peer.shutdown()
            #expect(connection.isOver(nil))
        }
    }

    @Test(arguments: [false, true]) func itsChannelMayBeClosedInsideIt(secure: Bool) throws {
        for abruptly in [true, false] {
            let connection = try Connection(.epoll, tls: secure ? contexts : nil)
            connection.say(preamble[..<5])
            connection.handler.say(Array("nobody is to hear this".utf8))
            let channel = connection.handler.channel
            if abruptly { channel?.close() } else { channel?.closeWhenFlushed() }
            connection.test.run(connection.peer) { connection.peer.end != nil }
            #expect(connection.peer.received.isEmpty && connection.peer.end != nil)
            connection.peer.close()
            connection.test.run { connection.handler.released == 1 }
            #expect(connection.handler.released == 1 && connection.handler.opened == 0)
            #expect(connection.handler.flushes == 0 && connection.handler.callsAfterRelease == 0)
        }
    }

    @Test func aPauseIsKept() throws {
        let connection = try Connection(.epoll)
        connection.handler.channel?.setReading(false)
        connection.say(preamble + [1, 2, 3])
        #expect(connection.stage.reads == 0)
        connection.handler.channel?.setReading(true)
        connection.test.settle()
        #expect(connection.handler.received == [1, 2, 3] && connection.handler.opened == 1)
    }
}
