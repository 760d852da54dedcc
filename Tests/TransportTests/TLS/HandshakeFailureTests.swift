// How an OpenSSL error maps to the cause under which a failed handshake is counted.

import CertificateAuthority
import Testing
import Transport

@Suite struct HandshakeFailureTests {
    let directory = TemporaryDirectory()

    private func cause(_ bytes: [UInt8]) throws -> HandshakeFailure? {
        let made = try directory.certificate(["one.example"])
        let contexts = try TLSContext.server(certificates: [made.files], ticketKeys: makeTicketKeys())
        let end = End(server: contexts)
        end.take(bytes)
        return end.failure.map { HandshakeFailure($0) }
    }

    @Test func whatIsNoTLSIsTold() throws {
        #expect(try cause(Array("GET / HTTP/1.1\r\n\r\n".utf8)) == .plainHTTP)
        #expect(try cause(Array("SSH-2.0-OpenSSH_9.2\r\n".utf8)) == .notTLS)
        #expect(try cause([UInt8](repeating: 0, count: 64)) == .notTLS)
        #expect(try cause(Array("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n".utf8)) == .notTLS)
    }

    /// Clients that share no version, protocol or cipher with the server, and the failure that the server sees for
    /// each.
    @Test func whatTheTwoDoNotShareIsTold() throws {
        let made = try directory.certificate(["one.example"])
        func failure(_ client: TLSContext) throws -> HandshakeFailure? {
            let contexts = try TLSContext.server(certificates: [made.files], ticketKeys: makeTicketKeys())
            return try Pair(client, contexts, serverName: "one.example").server.failure.map { HandshakeFailure($0) }
        }
        let old = try TLSContext.client(caFile: nil, verify: false, alpn: [])
        old.setVersionsForTest(minimum: 0x0301, maximum: 0x0302)
        #expect(try failure(old) == .noSharedVersion)
        let other = try TLSContext.client(caFile: nil, verify: false, alpn: ["spdy/3"])
        #expect(try failure(other) == .noSharedProtocol)
        let wary = try TLSContext.client(caFile: nil, verify: true, alpn: [])
        #expect(try failure(wary) == .refusedByClient)
        let signatures = try TLSContext.client(caFile: nil, verify: false, alpn: [])
        signatures.setSignatureAlgorithmsForTest("RSA-PSS+SHA256")
        #expect(try failure(signatures) == .noSharedCipher)
        let good = try TLSContext.client(caFile: made.ca, verify: true, alpn: ["h2"])
        #expect(try failure(good) == nil)
    }

    @Test func everyCauseHasAPlaceOfItsOwn() {
        let indices = HandshakeFailure.allCases.map(\.index)
        #expect(indices == Array(HandshakeFailure.allCases.indices))
    }
}
