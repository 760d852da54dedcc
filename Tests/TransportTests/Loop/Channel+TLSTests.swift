// Channels with TLS: client and server in the same loop, and a peer that does not speak TLS.
import CertificateAuthority
import LoopTesting
import Testing
import Transport

@Suite struct SecureChannelTests {
    private let test = TestLoop()
    private let contexts: TLSServerContexts
    private let clientContext: TLSContext

    init() throws {
        let made = try makeDevelopmentCertificates(in: temporaryDirectory(), names: ["localhost"])
        contexts = try TLSContext.server(certificates: [made.files], ticketKeys: TicketKeys { 0 })
        clientContext = try TLSContext.client(caFile: made.ca, verify: true, alpn: ["h2"])
    }

    private func serve(_ configure: @escaping (Recorder) -> Void) throws -> SocketAddress {
        try test.listen { [unowned test, contexts] socket, peer in
            let handler = Recorder()
            configure(handler)
            let tls = TLSConnection.server(in: contexts, wire: test.loop.wire)
            handler.channel = try? Channel.accept(socket, peer: peer, loop: test.loop, tls: tls)
            handler.channel?.attach(handler)
        }
    }

    private func connect(to address: SocketAddress) throws -> Recorder {
        let handler = Recorder()
        let tls = try TLSConnection.client(in: clientContext, wire: test.loop.wire, serverName: "localhost")
        handler.channel = try Channel.connect(to: address, loop: test.loop, tls: tls)
        handler.channel?.attach(handler)
        return handler
    }

    @Test func bothSidesOpenAndEchoMuchMoreThanASocketTakes() throws {
        var server: Recorder?
        let address = try serve {
            $0.echoes = true
            server = $0
        }
        let client = try connect(to: address)
        let bytes = pattern(3 << 20)
        client.output = bytes
        #expect(test.run { client.received.count == bytes.count })
        #expect(client.received == bytes && client.opened == 1)
        #expect(server?.opened == 1 && server?.channel?.negotiatedHTTP2 == true)
        client.channel?.closeWhenFlushed()
        test.run { server?.ends.isEmpty == false }
        #expect(server?.endedInOrder == true)
        server?.channel?.close()
        test.run { client.released == 1 && server?.released == 1 }
        #expect(client.released == 1 && client.callsAfterRelease == 0)
    }

    @Test func theLastWordsAndACloseNotifyArrive() throws {
        let address = try serve { server in
            server.output = Array("bye".utf8)
            server.onFlush = { $0.closeWhenFlushed() }
        }
        let client = try connect(to: address)
        client.onEnd = { $0.close() }
        test.run { client.released == 1 }
        #expect(client.text == "bye" && client.endedInOrder)
    }

    @Test func aPeerThatSpeaksNoTLSIsToldAndEnded() throws {
        var server: Recorder?
        let address = try serve {
            server = $0
            $0.onEnd = { $0.close() }
        }
        let peer = Peer(to: address)
        peer.send("GET / HTTP/1.1\r\n\r\n")
        test.run(peer) { server?.released == 1 }
        guard case .tls(let error)? = server?.ends.first else {
            Issue.record("no TLS error")
            return
        }
        #expect(error.kind == .plainHTTP && server?.opened == 0 && server?.received.isEmpty == true)
    }

    @Test func aPeerThatLeavesInsideTheHandshakeIsForgotten() throws {
        weak var freed: Channel?
        var server: Recorder?
        let address = try serve {
            server = $0
            $0.onEnd = { $0.close() }
        }
        let peer = Peer(to: address)
        peer.send([22, 3, 1, 0, 200])
        test.run { server?.channel != nil }
        freed = server?.channel
        peer.close()
        test.run { server?.released == 1 }
        #expect(server?.released == 1 && server?.opened == 0 && freed == nil)
    }
}
