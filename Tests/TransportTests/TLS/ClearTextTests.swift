// Clients that send plain text to a port that expects TLS.
import CertificateAuthority
import Testing
import Transport

@Suite struct ClearTextTests {
    let directory = TemporaryDirectory()

    private func cause(_ bytes: [UInt8]) throws -> HandshakeFailure? {
        let made = try directory.certificate(["one.example"])
        let contexts = try TLSContext.server(certificates: [made.files], ticketKeys: makeTicketKeys())
        let end = End(server: contexts)
        end.take(bytes)
        return end.failure.map { HandshakeFailure($0) }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n", "OPTIONS /v1/models HTTP/1.1\r\n", "DELETE /v1/responses/1 HTTP/1.1\r\n",
        "PATCH / HTTP/1.1\r\n", "CONNECT example.org:443 HTTP/1.1\r\n", "OPTIONS * HTTP/1.1\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\r\nPOST http://example.org/ HTTP/1.1\r\n", "M-SEARCH * HTTP/1.1\r\n",
        "CONNECT [::1]:443 HTTP/1.1\r\n",
    ]) func anyRequestInClearIsTold(text: String) throws {
        #expect(try cause(Array(text.utf8)) == .plainHTTP)
    }

    @Test func aPROXYHeaderIsTold() throws {
        let made = try directory.certificate(["one.example"])
        let contexts = try TLSContext.server(certificates: [made.files], ticketKeys: makeTicketKeys())
        let version2: [UInt8] = [13, 10, 13, 10, 0, 13, 10] + Array("QUIT\n".utf8) + [0x20, 0, 0, 0]
        for bytes in [Array("PROXY UNKNOWN\r\n".utf8), version2] {
            let end = End(server: contexts)
            end.take(bytes)
            #expect(end.failure?.kind == .proxyHeader)
        }
    }

    @Test(arguments: ["get / HTTP/1.1\r\n", "GET", "SSH-2.0-x\r\n", "EHLO \u{1}", "AUTH \n", "\r\n\r\n"])
    func whatIsNoRequestIsNone(text: String) throws {
        let found = try cause(Array(text.utf8))
        #expect(found != .plainHTTP)
    }
}
