// Which certificate a client gets by its server name, and which certificates are refused at start.

import CertificateAuthority
import Testing
import Transport

@Suite struct TLSServerContextsTests {
    let directory = TemporaryDirectory()

    func shown(
        _ contexts: TLSServerContexts,
        _ serverName: String?,
        signatures: String? = nil
    ) throws -> (names: [String], key: String) {
        let client = try TLSContext.client(caFile: nil, verify: false, alpn: [])
        if let signatures { client.setSignatureAlgorithmsForTest(signatures) }
        let pair = try Pair(client, contexts, serverName: serverName)
        try #require(pair.isEstablished)
        return (pair.client.connection.peerNamesForTest, pair.client.connection.peerKeyTypeForTest)
    }

    func server(_ certificates: [DevelopmentCertificates]) throws -> TLSServerContexts {
        try TLSContext.server(certificates: certificates.map(\.files), ticketKeys: makeTicketKeys())
    }

    @Test(arguments: [
        ("first.example", "first.example"), ("www.second.example", "www.second.example"),
        ("WWW.Second.Example", "www.second.example"), ("a.wild.example", "*.wild.example"),
        ("exact.wild.example", "exact.wild.example"), ("a.b.wild.example", "first.example"),
        ("wild.example", "first.example"), ("nobody.example", "first.example"), (nil, "first.example"),
    ])
    func serverNamePicksTheCertificate(asked: String?, shown expected: String) throws {
        let contexts = try server([
            directory.certificate(["first.example"]), directory.certificate(["www.second.example"]),
            directory.certificate(["*.wild.example"]), directory.certificate(["exact.wild.example"]),
        ])
        #expect(try shown(contexts, asked).names == [expected])
    }

    @Test func keyTypesStandTogether() throws {
        let contexts = try server([
            directory.certificate(["both.example", "ec.example"], .p256),
            directory.certificate(["both.example"], .rsa2048),
        ])
        let rsa = "RSA-PSS+SHA256:RSA+SHA256", ecdsa = "ECDSA+SHA256"
        #expect(try shown(contexts, "both.example", signatures: ecdsa).key == "EC")
        #expect(try shown(contexts, "both.example", signatures: rsa).key == "RSA")
        #expect(try shown(contexts, nil, signatures: rsa).key == "RSA")
        #expect(try shown(contexts, "ec.example").names == ["both.example", "ec.example"])
    }

    @Test func commonNameServesWhereNoAlternativeNamesAre() throws {
        let first = try directory.certificate(["first.example"])
        let old = try makeCommonNameCertificateForTest(
            in: "\(directory.path)/old",
            name: "old.example",
            now: 1_900_000_000
        )
        #expect(try shown(server([first, old]), "old.example").names == ["old.example"])
    }

    @Test func refusesACertificateThatServesNothing() throws {
        let one = try directory.certificate(["one.example"]), again = try directory.certificate(["one.example"])
        let error = #expect(throws: TLSError.self) { try server([one, again]) }
        #expect(error?.kind == .configuration && error?.file == again.chain)
    }
}
