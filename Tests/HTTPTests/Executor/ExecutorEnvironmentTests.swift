import CertificateAuthority
import Foundation
import LoopTesting
import Testing
import Transport

@testable import HTTP

@Suite struct ExecutorEnvironmentTests {
    private let folder = temporaryDirectory()

    /// Replaces the CA file atomically, as certificate renewal tools do.
    private func replace(_ path: String, with bytes: Data) throws {
        try bytes.write(to: URL(filePath: path), options: .atomic)
    }

    @Test func renewedAuthoritiesHoldForTheNextConnection() throws {
        func authority(_ name: String) throws -> Data {
            let made = try makeDevelopmentCertificates(in: temporaryDirectory(), names: [name])
            return try Data(contentsOf: URL(filePath: made.ca))
        }
        let file = folder + "/ca.pem"
        try replace(file, with: try authority("one.example"))
        let environment = ExecutorEnvironment()
        let first = try environment.context(caFile: file, protocols: ["h2"])
        #expect(try environment.context(caFile: file, protocols: ["h2"]) === first)
        try replace(file, with: try authority("two.example"))
        let second = try environment.context(caFile: file, protocols: ["h2"])
        #expect(second !== first)
        // If the CA file is damaged or removed, the earlier authorities stay in use.
        try replace(file, with: Data("half of a fi".utf8))
        #expect(try environment.context(caFile: file, protocols: ["h2"]) === second)
        try FileManager.default.removeItem(atPath: file)
        #expect(try environment.context(caFile: file, protocols: ["h2"]) === second)
        #expect(throws: TLSError.self) { try environment.context(caFile: file, protocols: ["http/1.1"]) }
    }
}
