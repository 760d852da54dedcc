// Which certificates of clients are accepted, and what a client and the server learn of a refusal.

import CertificateAuthority
import Foundation
import Testing
import Transport

@Suite struct ClientAuthoritiesTests {
    let directory = TemporaryDirectory()
    let made: DevelopmentCertificates
    private static let now = Int64(Date().timeIntervalSince1970)

    init() throws { made = try directory.certificate(["one.example", "two.example"]) }

    private var folder: String { String(made.ca.dropLast("/ca.pem".count)) }

    private func authorities(_ path: String, isRequired: Bool = true) throws -> TLSServerSettings {
        var settings = TLSServerSettings()
        let contents = Array(try Data(contentsOf: URL(filePath: path)))
        settings.clients = ClientAuthorities(path: path, contents: contents, isRequired: isRequired)
        return settings
    }

    private func server(_ settings: TLSServerSettings, keys: TicketKeys = makeTicketKeys()) throws -> TLSServerContexts
    {
        let other = try directory.certificate(["other.example"])
        return try TLSContext.server(certificates: [made.files, other.files], ticketKeys: keys, settings: settings)
    }

    private func client(_ files: CertificateFiles?, version: Int? = nil) throws -> TLSContext {
        let client = try TLSContext.client(caFile: nil, verify: false, alpn: [])
        if let version { client.setVersionsForTest(minimum: version, maximum: version) }
        if let files { client.presentForTest(files) }
        return client
    }

    private func clientFiles(_ name: String, now: Int64 = Self.now) throws -> CertificateFiles {
        try makeClientCertificateForTest(in: folder, name: name, now: now)
    }

    /// Tried with TLS 1.2 and 1.3, and with a server name for the first and for the second of the server's TLS
    /// contexts.
    @Test(arguments: [0x0303, 0x0304], ["one.example", "other.example"])
    func aCertificateOfTheAuthorityIsAccepted(version: Int, serverName: String) throws {
        let contexts = try server(authorities(made.ca))
        let files = try clientFiles("ann")
        let pair = try Pair(client(files, version: version), contexts, serverName: serverName)
        try #require(pair.isEstablished, "\(String(describing: pair.server.failure))")
        let seen = pair.server.connection.clientCertificate
        let certificate = try #require(seen)
        #expect(certificate.subject == "CN=ann" && certificate.fingerprint.count == 64)
    }

    @Test(arguments: [0x0303, 0x0304], ["one.example", "other.example"])
    func whoPresentsNoneIsRefusedWhereOneIsRequired(version: Int, serverName: String) throws {
        let pair = try Pair(
            client(nil, version: version),
            server(authorities(made.ca)),
            serverName: serverName
        )
        #expect(
            pair.server.failure.map { HandshakeFailure($0) } == .clientCertificateMissing && !pair.server.isEstablished
        )
        let alert = version == 0x0304 ? "certificate required" : "handshake failure"
        #expect(pair.client.failure?.reason.contains(alert) == true, "\(String(describing: pair.client.failure))")
        let optional = try server(authorities(made.ca, isRequired: false))
        let served = try Pair(client(nil, version: version), optional, serverName: serverName)
        #expect(served.isEstablished && served.server.connection.clientCertificate == nil)
    }

    @Test(arguments: [0x0303, 0x0304], [true, false])
    func whatIsNotValidIsRefusedEvenWhereItIsOptional(version: Int, isRequired: Bool) throws {
        let contexts = try server(authorities(made.ca, isRequired: isRequired))
        let stranger = try directory.certificate(["stranger.example"])
        let strange = try makeClientCertificateForTest(
            in: String(stranger.ca.dropLast("/ca.pem".count)),
            name: "eve",
            now: Self.now
        )
        let old = try clientFiles("old", now: Self.now - 400 * 86_400)
        let cases = [
            (strange, "unknown ca", "unable to get"), (old, "certificate expired", "certificate has expired"),
            // A certificate that is only for servers is not accepted from a client.
            (made.files, "unsupported certificate", "unsuitable certificate purpose"),
        ]
        for (files, alert, reason) in cases {
            let pair = try Pair(client(files, version: version), contexts, serverName: "other.example")
            let failure = try #require(pair.server.failure)
            #expect(HandshakeFailure(failure) == .clientCertificateInvalid && failure.kind == .clientCertificate)
            #expect(failure.reason.contains(reason), "\(failure)")
            #expect(pair.client.failure?.reason.contains(alert) == true, "\(String(describing: pair.client.failure))")
            #expect(!pair.server.isEstablished)
        }
    }

    /// In TLS 1.3 a client may send its request before it learns of the refusal; the server never decrypts it.
    @Test func whatARefusedClientSendsIsNotRead() throws {
        let pair = Pair(try End(client: client(nil, version: 0x0304)), End(server: try server(authorities(made.ca))))
        pair.client.take([])
        pair.server.take(pair.client.send())
        pair.client.take(pair.server.send())
        #expect(pair.client.isEstablished)
        #expect(pair.client.write(Array("GET / HTTP/1.1\r\n\r\n".utf8)) == nil)
        pair.server.take(pair.client.send())
        #expect(pair.server.failure != nil && pair.server.received.isEmpty)
    }

    @Test(arguments: [0x0303, 0x0304]) func noSessionResumes(version: Int) throws {
        let keys = makeTicketKeys()
        let files = try clientFiles("ann")
        let context = try client(files, version: version)
        let open = try server(TLSServerSettings(), keys: keys)
        let closed = try server(authorities(made.ca), keys: keys)
        let before = try Pair(context, open, serverName: "one.example")
        let first = before.client.connection.session
        let session = try #require(first)
        #expect(try Pair(context, open, serverName: "one.example", resuming: session).server.isResumed)
        // A listener with `client_ca` resumes neither a session of a listener without it nor one of its own.
        let refused = try Pair(context, closed, serverName: "one.example", resuming: session)
        #expect(refused.isEstablished && !refused.server.isResumed)
        #expect(refused.server.connection.clientCertificate?.subject == "CN=ann")
        if let own = refused.client.connection.session {
            #expect(try !Pair(context, closed, serverName: "one.example", resuming: own).server.isResumed)
            #expect(try !Pair(context, open, serverName: "one.example", resuming: own).server.isResumed)
        }
    }

    @Test func aFileWithoutAnAuthorityIsRefused() throws {
        let error = #expect(throws: TLSError.self) { try server(authorities(made.chain)) }
        #expect(error?.reason.contains("no certificate of an authority") == true && error?.file == made.chain)
        let key = #expect(throws: TLSError.self) { try server(authorities(made.key)) }
        #expect(key?.reason == "holds a private key and no certificate: are chain and key exchanged?")
    }

    @Test func findingsTellOfWhatIsNotUsedOrHasExpired() throws {
        let both = "\(directory.path)/both.pem"
        let text =
            try String(contentsOfFile: made.chain, encoding: .utf8) + String(contentsOfFile: made.ca, encoding: .utf8)
        try text.write(toFile: both, atomically: true, encoding: .utf8)
        func messages(_ path: String, now: Int64 = Self.now) -> [String] {
            CertificateInspection.findings(clientAuthorities: path, now: now, notice: 86_400).map {
                "\($0.isWarning ? "warning: " : "")\($0.message)"
            }
        }
        #expect(messages(made.ca) == [])
        #expect(
            messages(both) == ["warning: holds a certificate that may not sign others, and is not used: one.example"]
        )
        let late = messages(made.ca, now: Self.now + 900 * 86_400)
        #expect(late.count == 1 && late[0].hasPrefix("warning: holds an authority that expired on "), "\(late)")
        #expect(messages(made.chain).count == 1 && !messages(made.chain)[0].hasPrefix("warning"))
        #expect(messages("/nonexistent").count == 1)
    }
}
