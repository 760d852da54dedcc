// `Client` is what the server knows about a client: its address, and whether it is trusted. A connection and its
// requests have the same value.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct ClientTests {
    private let peer = SocketAddress(numeric: "192.0.2.1", port: 1)!
    private let other = SocketAddress(numeric: "2001:db8::1", port: 2)!

    @Test func theAddressIsThePeersUnlessAnotherIsGiven() {
        let plain = Client(peer: peer)
        #expect(plain.address == peer && !plain.trusted)
        let behindProxy = Client(peer: peer, address: other, trusted: true)
        #expect(behindProxy.peer == peer && behindProxy.address == other && behindProxy.trusted)
    }

    @Test(arguments: [false, true]) func aConnectionAndItsRequestsHaveTheSameClient(trusted: Bool) throws {
        let server = try TestServer { $0.isTrusted = trusted }
        let connection = try #require(server.connection)
        #expect(connection.client.peer == connection.channel.peer)
        #expect(connection.client.address == connection.channel.peer && connection.client.trusted == trusted)
        server.say("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        #expect(server.exchanges.first?.stream.client == connection.client)
    }

    @Test func aRequestOverHTTP2HasTheClientOfItsConnection() throws {
        let session = try HTTP2Session()
        session.request(1)
        let connection = try #require(session.server.connection)
        #expect(session.exchanges.first?.stream.client == connection.client)
    }

    @Test func aTrustedPeerIsExemptOnlyForItself() {
        #expect(Client(peer: peer, isPeerTrusted: true).isTrustedPeer)
        #expect(!Client(peer: peer, trusted: true).isTrustedPeer)
        let named = Client(peer: peer, address: other, source: .forwarded, isPeerTrusted: true)
        #expect(!named.isTrustedPeer)
    }
}
