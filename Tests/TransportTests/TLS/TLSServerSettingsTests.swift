// TLS settings of a listener: versions, key exchange groups, and whether clients with unknown names are refused.

import CertificateAuthority
import Testing
import Transport

@Suite struct TLSServerSettingsTests {
    let directory = TemporaryDirectory()

    private func server(_ settings: TLSServerSettings) throws -> TLSServerContexts {
        try TLSContext.server(
            certificates: [
                directory.certificate(["one.example"]).files, directory.certificate(["*.wild.example"]).files,
            ],
            ticketKeys: makeTicketKeys(),
            settings: settings
        )
    }

    private func client() throws -> TLSContext { try TLSContext.client(caFile: nil, verify: false, alpn: []) }

    @Test func theLowestVersionIsKept() throws {
        var settings = TLSServerSettings()
        settings.minimum = .tls13
        let client = try client()
        #expect(try Pair(client, server(settings), serverName: "a.wild.example").isEstablished)
        client.setVersionsForTest(minimum: 0x0303, maximum: 0x0303)
        let refused = try Pair(client, server(settings), serverName: "a.wild.example")
        #expect(refused.server.failure.map { HandshakeFailure($0) } == .noSharedVersion)
        #expect(try Pair(client, server(TLSServerSettings())).server.connection.version == "TLSv1.2")
    }

    @Test func unknownGroupsAreLeftOut() {
        #expect(TLSServerSettings.usable(["no-such-group", "X25519", "P-256"]) == ["X25519", "P-256"])
        #expect(TLSServerSettings.usable(["P-256", "prime256v1", "P-384"]) == ["P-256", "P-384"])
        #expect(TLSServerSettings.usable(["no-such-group"]) == [] && TLSServerSettings.usable([]) == [])
        let usual = TLSServerSettings.usable(TLSServerSettings.usualGroups)
        #expect(usual.suffix(3) == ["X25519", "P-256", "P-384"])
    }

    @Test func onlyTheListedGroupsAreShared() throws {
        var settings = TLSServerSettings()
        settings.groups = ["no-such-group", "P-384"]
        let client = try client()
        client.setGroupForTest("X25519")
        let refused = try Pair(client, server(settings))
        #expect(refused.server.failure.map { HandshakeFailure($0) } == .noSharedCipher)
        client.setGroupForTest("P-384")
        #expect(try Pair(client, server(settings)).isEstablished)
        settings.groups = ["no-such-group"]
        let error = #expect(throws: TLSError.self) { try server(settings) }
        #expect(error?.reason == "OpenSSL knows none of the groups")
    }

    @Test(arguments: [0x0303, 0x0304]) func aNameMustBeKnownWhereItIsAskedFor(version: Int) throws {
        var settings = TLSServerSettings()
        settings.needsServerName = true
        let contexts = try server(settings)
        let client = try client()
        client.setVersionsForTest(minimum: version, maximum: version)
        for name in ["one.example", "ONE.example", "a.wild.example"] {
            #expect(try Pair(client, contexts, serverName: name).isEstablished, "\(name)")
        }
        for name in ["two.example", "a.b.wild.example", nil] {
            let pair = try Pair(client, contexts, serverName: name)
            #expect(pair.server.failure.map { HandshakeFailure($0) } == .unrecognizedName, "\(name ?? "none")")
            #expect(pair.client.failure?.reason.contains("unrecognized name") == true)
            #expect(pair.client.connection.peerNamesForTest == [], "no certificate is shown")
        }
    }
}
