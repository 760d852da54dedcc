// Tests the error messages for a file that does not contain the expected certificate or key: they say what it contains.
import CertificateAuthority
import Foundation
import Testing
import Transport

@Suite struct PEMDiagnosisTests {
    let directory = TemporaryDirectory()

    /// Makes a certificate that is issued in March 2030, which is the current time for these tests.
    private func certificate(_ names: [String]) throws -> DevelopmentCertificates {
        try directory.certificate(names, now: 1_900_000_000)
    }

    private func write(_ bytes: [UInt8], to name: String) throws -> String {
        let path = "\(directory.path)/\(name)"
        try Data(bytes).write(to: URL(filePath: path))
        return path
    }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    private func findings(chain: String, key: String, now: Int64 = 1_900_000_000) -> [CertificateFinding] {
        CertificateInspection.findings(CertificateFiles(chain: chain, key: key), now: now, notice: 21 * 86_400)
    }

    @Test(arguments: [
        ("", "is empty", "is empty"),
        ("\u{FEFF}-----BEGIN CERTIFICATE-----\n", "begins with a byte order mark", "begins with a byte order mark"),
        ("hello\n", "holds no certificate in PEM form", "holds no private key in PEM form"),
        ("-----BEGIN PUBLIC KEY-----\n", "holds no certificate in PEM form", "holds a public key and no private key"),
        ("-----BEGIN CERTIFICATE REQUEST-----\n", "holds a certificate request", "holds no private key in PEM form"),
        ("-----BEGIN PKCS7-----\n", "holds PKCS#7", "holds no private key in PEM form"),
        (
            "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n", "holds a damaged certificate",
            "holds a certificate and no private key"
        ),
        (
            "-----BEGIN PRIVATE KEY-----\n!!!\n-----END PRIVATE KEY-----\n", "holds a private key and no certificate",
            "holds a damaged private key"
        ),
        (
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "holds a private key and no certificate", "is protected by a password"
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMAA=\n"
                + "-----END RSA PRIVATE KEY-----\n",
            "holds a private key and no certificate", "is protected by a password"
        ),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "holds a private key and no certificate", "in OpenSSH's form"),
        ("  -----BEGIN CERTIFICATE-----\n", "is indented or damaged", "is indented or damaged"),
        ("0\u{1}\u{2}", "is binary (DER or PKCS#12), not PEM", "is binary (DER or PKCS#12), not PEM"),
    ])
    func whatAFileHoldsInsteadIsSaid(content: String, asChain: String, asKey: String) throws {
        let made = try certificate(["one.example"])
        let path = try write(Array(content.utf8), to: "odd.pem")
        let chain = findings(chain: path, key: made.key)
        #expect(chain.map(\.place) == [.chain] && chain[0].message.hasPrefix(asChain), "\(chain)")
        let key = findings(chain: made.chain, key: path)
        #expect(key.map(\.place) == [.key] && key[0].message.contains(asKey), "\(key)")
        let authorities = CertificateInspection.findings(authorities: path, now: 0, notice: 21 * 86_400)
        #expect(authorities.count == 1 && authorities[0].message.hasPrefix(asChain), "\(authorities)")
    }

    @Test func otherEncodingsAreTold() throws {
        let made = try certificate(["one.example"])
        let wide = try write([0xFF, 0xFE] + text(made.chain).utf8.flatMap { [$0, 0] }, to: "wide.pem")
        #expect(findings(chain: wide, key: made.key).map(\.message) == ["is UTF-16 text: save it as ASCII or UTF-8"])
        // OpenSSL skips a certificate that follows a byte order mark, and loads the second copy. So the server has to
        // look for the mark to find the fault.
        let marked = try write(Array(("\u{FEFF}" + text(made.chain) + text(made.chain)).utf8), to: "marked.pem")
        #expect(findings(chain: marked, key: made.key).map(\.place) == [.chain])
    }
}
