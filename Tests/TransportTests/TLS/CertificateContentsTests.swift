import CertificateAuthority
import Foundation
import LoopTesting
import Testing

@testable import Transport

/// Tests certificates that are loaded from memory.
///
/// Their files may have been removed or replaced after they were read.
@Suite struct CertificateContentsTests {
    private func contents(_ name: String) throws -> CertificateContents {
        let made = try makeDevelopmentCertificates(in: temporaryDirectory(), names: [name], now: 1_900_000_000)
        func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }
        return CertificateContents(files: made.files, chain: try bytes(made.chain), key: try bytes(made.key))
    }

    @Test func theyAreUsedWithoutTheirFiles() throws {
        let contents = try contents("one.example")
        for path in [contents.files.chain, contents.files.key] { try FileManager.default.removeItem(atPath: path) }
        let loaded = try LoadedCertificate(contents)
        #expect(loaded.names == ["one.example"])
        _ = try TLSContext.server(certificates: [contents], ticketKeys: TicketKeys { 0 })
        let found = try #require(CertificateInspection.expiry(contents))
        #expect(found.name == "one.example" && found.expires > 1_900_000_000)
        let day: Int64 = 86_400
        #expect(CertificateInspection.warning(contents, now: found.expires - 30 * day, notice: 21 * day) == nil)
        let warning = CertificateInspection.warning(contents, now: found.expires - 20 * day, notice: 21 * day)
        #expect(warning?.contains("in 20 days") == true, "\(warning ?? "")")
    }

    @Test func aKeyOfAnotherCertificateDoesNotFit() throws {
        let (one, two) = (try contents("one.example"), try contents("two.example"))
        let mixed = CertificateContents(files: one.files, chain: one.chain, key: two.key)
        #expect(mixed != one)
        #expect(throws: TLSError.self) { try LoadedCertificate(mixed) }
        let cut = CertificateContents(files: one.files, chain: Array(one.chain.prefix(200)), key: one.key)
        let error = #expect(throws: TLSError.self) { try LoadedCertificate(cut) }
        #expect(error?.file == one.files.chain && error?.reason.contains("damaged") == true)
    }
}
