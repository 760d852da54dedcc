// A client's connection before the server knows whether the client speaks HTTP/1.1 or HTTP/2.
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

    /// The connection knows whether its client is known or trusted, because such clients' handshakes are served first.
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

    /// The client that a trusted peer's PROXY header names does not count as a known client, although the peer is
    /// trusted.
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

    /// A server that answers a request for the path `/404` with the status 404, and so on for other statuses.
    private func statusServer(_ configure: (inout ServerSettings) -> Void = { _ in }) throws -> TestServer {
        let server = try TestServer(configure)
        server.delegate.onEnd = { $0.answer("", status: Int($0.target.dropFirst()) ?? 200) }
        server.pass(second)
        return server
    }

    @Test func aNewConnectionYieldsForATenthOfASecond() throws {
        let server = try TestServer()
        let channel = try #require(server.channel)
        server.pass(99_999_999)
        #expect(channel.yields)
        server.pass(1)
        #expect(!channel.yields)
    }

    @Test func aNewConnectionOfManyUsersDoesNotYield() throws {
        let server = try TestServer { $0.isTrusted = true }
        #expect(server.channel?.yields == false)
    }

    @Test(arguments: [400, 401, 403, 404, 413, 429]) func whoseRequestsAreRefusedYieldsForASecond(status: Int) throws {
        let server = try statusServer()
        let channel = try #require(server.channel)
        server.say("GET /\(status) HTTP/1.1\r\nhost: x\r\n\r\n")
        #expect(!channel.yields, "one refusal is no flood")
        server.say("GET /\(status) HTTP/1.1\r\nhost: x\r\n\r\n")
        #expect(channel.yields)
        server.pass(second)
        #expect(!channel.yields)
    }

    @Test(arguments: [200, 500, 503]) func whoseRequestsAreServedDoesNotYield(status: Int) throws {
        let server = try statusServer()
        let channel = try #require(server.channel)
        for _ in 0..<10 { server.say("GET /\(status) HTTP/1.1\r\nhost: x\r\n\r\n") }
        #expect(server.exchanges.count == 10 && !channel.yields)
    }

    @Test func aConnectionOfManyUsersNeverYields() throws {
        let server = try statusServer { $0.isTrusted = true }
        let channel = try #require(server.channel)
        for _ in 0..<50 { server.say("GET /429 HTTP/1.1\r\nhost: x\r\n\r\n") }
        #expect(server.exchanges.count == 50 && !channel.yields)
    }

    /// Of pipelined requests, the server serves one in each turn of the loop if the client has caused much work.
    ///
    /// Otherwise all of them would be served in one turn, without a check of the time between them.
    @Test func pipelinedRequestsOfWhoYieldsTakeTurns() throws {
        let server = try statusServer()
        let clock = server.test.clock
        server.delegate.onEnd = {
            clock.advance(by: 100_000)
            $0.answer("")
        }
        server.channel?.countWork(second)
        server.peer.send(String(repeating: "GET /200 HTTP/1.1\r\nhost: x\r\n\r\n", count: 5))
        for begun in 1...5 {
            server.test.loop.turn(waitMax: 0)
            #expect(server.exchanges.count == begun)
        }
        server.peer.close()
        #expect(server.isFreed())
    }
}
