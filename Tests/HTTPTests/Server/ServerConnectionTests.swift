// A client's connection until its protocol is known.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct ServerConnectionTests {
    @Test func theRequestBehindItIsServed() throws {
        let stage = LinePreamble()
        let server = try TestServer(preamble: stage)
        server.delegate.onEnd = { $0.answer("hello") }
        server.say("P 192.0")
        server.say(".2.1\nGET / HTTP/1.1\r\nhost: x\r\n\r\n")
        #expect(server.takeText().hasSuffix("hello") && stage.line == "P 192.0.2.1")
        server.peer.close()
        #expect(server.isFreed())
    }

    @Test func itHasNoMoreTimeThanTheFirstRequest() throws {
        let unfinished = try TestServer(preamble: LinePreamble())
        unfinished.say("P 192.0")
        unfinished.pass(11 * second)
        #expect(unfinished.peer.end == .closed && unfinished.takeText().isEmpty && unfinished.isFreed())
        let silent = try TestServer(preamble: LinePreamble())
        silent.pass(6 * second)
        silent.say("P 192.0.2.1\n")
        #expect(silent.peer.end == nil)
        silent.pass(5 * second)
        #expect(silent.peer.end == .closed && silent.takeText().isEmpty && silent.isFreed())
    }

    /// If handshakes have to wait, known clients and trusted peers go before strangers.
    @Test func itSaysWhoseHandshakeItIs() throws {
        let loopback = HandshakeClient(address: IPAddress(parsing: "127.0.0.1"))
        func client(of server: TestServer) throws -> HandshakeClient {
            let (connection, channel) = (try #require(server.connection), try #require(server.channel))
            return connection.handshakeClient(channel)
        }
        let stranger = try TestServer()
        #expect(try client(of: stranger) == loopback)
        stranger.delegate.known = ["127.0.0.1"]
        #expect(try client(of: stranger).isKnown)
        #expect(try client(of: TestServer { $0.isTrusted = true }).isKnown)
        let trusted = AddressSet([try AddressRange(parsing: "127.0.0.0/8")])
        let proxied = try TestServer {
            $0.access.source = .xForwardedFor
            $0.access.trustedPeers = TrustedPeers(trusted)
        }
        #expect(try client(of: proxied).isKnown)
    }

    /// With PROXY headers, the client behind the trusted peer is a stranger.
    @Test func behindAPROXYHeaderItIsTheClients() throws {
        let preamble = ProxyPreamble()
        let trusted = AddressSet([try AddressRange(parsing: "127.0.0.0/8")])
        let server = try TestServer(preamble: preamble) {
            $0.access.source = .proxyProtocol
            $0.access.trustedPeers = TrustedPeers(trusted)
        }
        let (connection, channel) = (try #require(server.connection), try #require(server.channel))
        server.say("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n")
        #expect(connection.handshakeClient(channel) == HandshakeClient(address: IPAddress(parsing: "192.0.2.1")))
    }

    @Test func whatIsRefusedIsClosedWithoutAnAnswer() throws {
        let server = try TestServer(preamble: LinePreamble())
        server.say("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        #expect(server.peer.end != nil && server.peer.received.isEmpty && server.exchanges.isEmpty)
        #expect(server.isFreed())
    }
}
