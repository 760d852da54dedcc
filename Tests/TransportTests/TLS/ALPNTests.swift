// ALPN: which protocol client and server agree on, and what happens if they share none.
import CertificateAuthority
import Testing
import Transport

@Suite struct ALPNTests {
    let directory = TemporaryDirectory()
    let certificate: DevelopmentCertificates
    let contexts: TLSServerContexts

    init() throws {
        certificate = try directory.certificate(["localhost", "127.0.0.1"])
        contexts = try TLSContext.server(certificates: [certificate.files], ticketKeys: makeTicketKeys())
    }

    func client(verify: Bool = true, alpn: [String] = ["h2", "http/1.1"]) throws -> TLSContext {
        try TLSContext.client(caFile: certificate.ca, verify: verify, alpn: alpn)
    }

    @Test(arguments: [
        (["h2", "http/1.1"], ALPN.h2), (["http/1.1", "h2"], .h2), (["http/1.1"], .http11), (["spdy/3", "h2"], .h2),
        ([], .none),
    ])
    func agreesOnTheProtocol(offer: [String], chosen: ALPN) throws {
        let pair = try Pair(client(alpn: offer), contexts, serverName: "localhost")
        #expect(pair.isEstablished)
        #expect(pair.server.connection.alpn == chosen && pair.client.connection.alpn == chosen)
    }

    @Test func aListenerWithoutHTTP2AgreesOnHTTP1Alone() throws {
        var settings = TLSServerSettings()
        settings.offersHTTP2 = false
        let contexts = try TLSContext.server(
            certificates: [certificate.files],
            ticketKeys: makeTicketKeys(),
            settings: settings
        )
        let pair = try Pair(client(), contexts, serverName: "localhost")
        #expect(pair.server.connection.alpn == .http11 && pair.client.connection.alpn == .http11)
        let other = try Pair(client(alpn: ["h2"]), contexts, serverName: "localhost")
        #expect(other.client.failure?.reason.contains("no application protocol") == true)
    }

    @Test func alertsWhenNoProtocolOverlaps() throws {
        let pair = try Pair(client(alpn: ["spdy/3"]), contexts, serverName: "localhost")
        #expect(pair.server.failure?.kind == .handshake)
        #expect(pair.client.failure?.reason.contains("no application protocol") == true)
    }
}
