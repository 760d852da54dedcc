// The messages about faults in certificate and key files.

import CertificateAuthority
import Foundation
import Testing
import Transport

@Suite struct CertificateInspectionTests {
    let directory = TemporaryDirectory()

    /// Makes a certificate as if it were March 2030, so that its expiry does not depend on the day of the test.
    private func certificate(_ names: [String]) throws -> DevelopmentCertificates {
        try directory.certificate(names, now: 1_900_000_000)
    }

    private func write(_ bytes: [UInt8], to name: String) throws -> String {
        let path = "\(directory.path)/\(name)"
        try Data(bytes).write(to: URL(filePath: path))
        return path
    }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    /// How long before its end a certificate's expiry is reported: 21 days, in seconds.
    private static let notice: Int64 = 21 * 86_400

    private func findings(chain: String, key: String, now: Int64 = 1_900_000_000) -> [CertificateFinding] {
        CertificateInspection.findings(CertificateFiles(chain: chain, key: key), now: now, notice: Self.notice)
    }

    @Test func aGoodPairHasNone() throws {
        let made = try certificate(["one.example"])
        #expect(findings(chain: made.chain, key: made.key) == [])
        #expect(CertificateInspection.findings(authorities: made.ca, now: 1_900_000_000, notice: Self.notice) == [])
    }

    @Test func exchangedFilesAreBothTold() throws {
        let made = try certificate(["one.example"])
        #expect(
            findings(chain: made.key, key: made.chain) == [
                CertificateFinding(.chain, "holds a private key and no certificate: are chain and key exchanged?"),
                CertificateFinding(.key, "holds a certificate and no private key: are chain and key exchanged?"),
            ]
        )
        #expect(
            CertificateInspection.findings(authorities: made.key, now: 0, notice: Self.notice).map(\.message)
                == ["holds a private key and no certificate: are chain and key exchanged?"]
        )
    }

    @Test func theKeyOfAnotherCertificateIsTold() throws {
        let one = try certificate(["one.example"]), two = try certificate(["two.example"])
        #expect(
            findings(chain: one.chain, key: two.key)
                == [CertificateFinding(.key, "does not belong to the certificate in \(one.chain)")]
        )
        // The chain file lists the server's own certificate second, which is a common mistake.
        let both = try write(Array((try text(one.chain) + text(two.chain)).utf8), to: "both.pem")
        let found = findings(chain: both, key: two.key)
        #expect(found.filter(\.isWarning).map(\.place) == [.chain])
        #expect(
            found.filter { !$0.isWarning }
                == [CertificateFinding(.key, "belongs to certificate 2 of \(both): the server's own must be the first")]
        )
    }

    @Test func aDamagedIntermediateIsTold() throws {
        let made = try certificate(["one.example"])
        let broken = "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"
        let chain = try write(Array((try text(made.chain) + text(made.ca) + broken).utf8), to: "chain.pem")
        #expect(
            findings(chain: chain, key: made.key)
                == [CertificateFinding(.chain, "holds a damaged certificate: it is number 3")]
        )
    }

    @Test func endsAreWarnedOf() throws {
        let made = try certificate(["one.example"])
        let end = try #require(CertificateInspection.expiry(chain: made.chain))
        let day: Int64 = 86_400
        #expect(findings(chain: made.chain, key: made.key, now: end - 22 * day) == [])
        let soon = findings(chain: made.chain, key: made.key, now: end - 10 * day - 5)
        #expect(soon.count == 1 && soon[0].isWarning && soon[0].message.hasPrefix("expires on 2031-"))
        #expect(soon.first?.message.hasSuffix(", in 10 days") == true)
        let over = findings(chain: made.chain, key: made.key, now: end + 1)
        #expect(over.count == 1 && over[0].isWarning && over[0].message.hasPrefix("expired on 2031-"))
        let early = findings(chain: made.chain, key: made.key, now: 1_000_000_000)
        #expect(early.count == 1 && early[0].isWarning && early[0].message.hasPrefix("is not valid before 2030-"))
        // An expired certificate of an authority is only a warning.
        let authority = try #require(CertificateInspection.expiry(chain: made.ca))
        #expect(
            CertificateInspection.findings(authorities: made.ca, now: authority + 1, notice: Self.notice).map(
                \.isWarning
            ) == [true]
        )
    }

    @Test func theChainsOrderAndItsOtherCertificatesAreLookedAt() throws {
        let one = try certificate(["one.example"]), two = try certificate(["two.example"])
        let good = try write(Array((try text(one.chain) + text(one.ca)).utf8), to: "good.pem")
        #expect(findings(chain: good, key: one.key) == [])
        let wrong = try write(Array((try text(one.chain) + text(two.chain)).utf8), to: "wrong.pem")
        #expect(
            findings(chain: wrong, key: one.key) == [
                CertificateFinding(
                    .chain,
                    "certificate 2 of the chain (two.example) did not sign the one before it",
                    isWarning: true
                )
            ]
        )
    }

    @Test func aFileThatWasReportedIsLeftOut() throws {
        let made = try certificate(["one.example"])
        let files = CertificateFiles(chain: "/nowhere.pem", key: made.chain)
        let found = CertificateInspection.findings(files, chainIsReadable: false, now: 0, notice: Self.notice)
        #expect(found.map(\.place) == [.key])
    }

    @Test func certificatesThatServeNothingBesideOthersAreFound() throws {
        let one = try certificate(["one.example"]), again = try certificate(["one.example"])
        #expect(CertificateInspection.conflict(among: [one.files]) == nil)
        let conflict = CertificateInspection.conflict(among: [one.files, again.files])
        #expect(conflict?.index == 1 && conflict?.message.contains("serves no name") == true)
    }
}
