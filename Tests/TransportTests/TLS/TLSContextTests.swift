// Protocol versions, ALPN and certificate verification: what client and server agree on, and what they refuse.

import CertificateAuthority
import Testing
import Transport

@Suite struct TLSContextTests {
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

    @Test(arguments: [(0x0303, "TLSv1.2", "ECDHE-ECDSA-"), (0x0304, "TLSv1.3", "TLS_")])
    func speaksBothVersions(version: Int, name: String, cipherPrefix: String) throws {
        let client = try client()
        client.setVersionsForTest(minimum: version, maximum: version)
        let pair = try Pair(client, contexts, serverName: "localhost")
        #expect(pair.isEstablished)
        #expect(pair.client.connection.version == name && pair.server.connection.version == name)
        #expect(pair.server.connection.cipher.hasPrefix(cipherPrefix))
        #expect(pair.server.connection.serverName == "localhost")
        #expect(pair.client.connection.verifyError == nil)
        #expect(!pair.server.isResumed)
        #expect(pair.client.write(Array("ping".utf8)) == nil)
        pair.exchange()
        #expect(pair.server.write(Array("pong".utf8)) == nil)
        pair.exchange()
        #expect(pair.server.received == Array("ping".utf8) && pair.client.received == Array("pong".utf8))
    }

    @Test func refusesTLS11() throws {
        let client = try client()
        client.setVersionsForTest(minimum: 0x0302, maximum: 0x0302)
        let pair = try Pair(client, contexts, serverName: "localhost")
        #expect(pair.server.failure?.kind == .handshake)
        #expect(pair.server.failure?.reason.contains("unsupported protocol") == true)
        #expect(pair.client.failure?.reason.contains("alert protocol version") == true)
        #expect(!pair.isEstablished)
    }

    @Test func clientRefusesAnotherHostsCertificate() throws {
        let pair = try Pair(client(), contexts, serverName: "example.com")
        #expect(pair.client.failure?.kind == .verification)
        #expect(pair.client.connection.verifyError == "hostname mismatch")
        #expect(pair.server.failure?.reason.contains("bad certificate") == true)
    }

    @Test func clientRefusesAnUnknownAuthority() throws {
        let other = try directory.certificate(["localhost"])
        let context = try TLSContext.client(caFile: other.ca, verify: true, alpn: [])
        let pair = try Pair(context, contexts, serverName: "localhost")
        #expect(pair.client.failure?.kind == .verification)
    }

    @Test func clientVerifiesAddressesWithoutSendingThem() throws {
        let pair = try Pair(client(), contexts, serverName: "127.0.0.1")
        #expect(pair.isEstablished)
        #expect(pair.server.connection.serverName == nil)
        #expect(try Pair(client(), contexts, serverName: "127.0.0.2").client.failure?.kind == .verification)
    }

    @Test func clientThatDoesNotVerifyStillTells() throws {
        let pair = try Pair(client(verify: false), contexts, serverName: "example.com")
        #expect(pair.isEstablished)
        #expect(pair.client.connection.verifyError != nil)
    }

    @Test func verifyingClientNeedsAName() throws {
        let context = try client()
        #expect(throws: TLSError.self) { try End(client: context, serverName: nil) }
        #expect(throws: TLSError.self) { try End(client: context, serverName: "local\0host") }
    }

    @Test func connectionOutlivesItsContexts() throws {
        var contexts: TLSServerContexts? = try TLSContext.server(
            certificates: [certificate.files],
            ticketKeys: makeTicketKeys()
        )
        let pair = Pair(try End(client: client(), serverName: "localhost"), End(server: contexts!))
        contexts = nil
        pair.client.take([])
        pair.exchange()
        #expect(pair.isEstablished)
    }
}
