// How a client's certificate is named in the log.

import CertificateAuthority
import Foundation
import Testing
import Transport

@Suite struct ClientCertificateTests {
    let directory = TemporaryDirectory()

    private func seen(_ name: String) throws -> ClientCertificate {
        let made = try directory.certificate(["one.example"])
        let folder = String(made.ca.dropLast("/ca.pem".count))
        let files = try makeClientCertificateForTest(in: folder, name: name, now: Int64(Date().timeIntervalSince1970))
        var settings = TLSServerSettings()
        let contents = Array(try Data(contentsOf: URL(filePath: made.ca)))
        settings.clients = ClientAuthorities(path: made.ca, contents: contents, isRequired: true)
        let client = try TLSContext.client(caFile: nil, verify: false, alpn: [])
        client.presentForTest(files)
        let contexts = try TLSContext.server(
            certificates: [made.files],
            ticketKeys: makeTicketKeys(),
            settings: settings
        )
        let pair = try Pair(client, contexts)
        let seen = pair.server.connection.clientCertificate
        return try #require(seen)
    }

    @Test func theSubjectIsPrintableASCII() throws {
        #expect(try seen("a, \"b\"").subject == #"CN=a\, \"b\""#)
        #expect(try seen("z\u{fc}\u{1b}[1m").subject == #"CN=z\C3\BC\1B[1m"#)
        #expect(try seen("x\n").subject == #"CN=x\0A"#)
    }

    @Test func theFingerprintTellsCertificatesApart() throws {
        let one = try seen("one"), again = try seen("one")
        #expect(one.subject == again.subject && one.fingerprint != again.fingerprint)
        #expect(one.fingerprint.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    }
}
