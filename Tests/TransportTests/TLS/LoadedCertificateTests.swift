// Tests that the error for a certificate or key that cannot be loaded names the file and the reason.
import CertificateAuthority
import Testing
import Transport

@Suite struct LoadedCertificateTests {
    let directory = TemporaryDirectory()

    @Test func refusesAKeyOfAnotherCertificate() throws {
        let one = try directory.certificate(["one.example"]), two = try directory.certificate(["two.example"])
        let files = CertificateFiles(chain: one.chain, key: two.key)
        let error = #expect(throws: TLSError.self) {
            try TLSContext.server(certificates: [files], ticketKeys: makeTicketKeys())
        }
        #expect(error?.kind == .keyMismatch && error?.file == two.key)
        #expect(error?.reason == "does not belong to the certificate in \(one.chain)")
    }

    @Test func errorsNameTheFileAndTheReason() throws {
        let one = try directory.certificate(["one.example"])
        func failure(chain: String, key: String) -> TLSError? {
            #expect(throws: TLSError.self) {
                try TLSContext.server(
                    certificates: [CertificateFiles(chain: chain, key: key)],
                    ticketKeys: makeTicketKeys()
                )
            }
        }
        let missing = failure(chain: "/nowhere.pem", key: one.key)
        #expect(missing?.file == "/nowhere.pem" && missing?.reason.contains("No such file") == true)
        let noCertificate = failure(chain: one.key, key: one.key)
        #expect(noCertificate?.file == one.key && noCertificate?.reason.contains("and no certificate") == true)
        let noKey = failure(chain: one.chain, key: one.chain)
        #expect(noKey?.file == one.chain)
        #expect(throws: TLSError.self) {
            try TLSContext.server(certificates: [CertificateFiles](), ticketKeys: makeTicketKeys())
        }
    }
}
