// Tests of development certificates: when an existing one is kept, when a new one is made, and the file modes.

import CertificateAuthority
import Glibc
import LoopTesting
import Testing
import Transport

@Suite struct DevelopmentCertificatesTests {
    let directory = temporaryDirectory()
    let now: Int64 = 1_900_000_000
    let day: Int64 = 86_400

    func contents(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = fread(&bytes, 1, bytes.count, file)
        return Array(bytes.prefix(count))
    }

    func make(_ names: [String], at time: Int64, _ type: DevelopmentCertificates.KeyType = .p256) throws -> [[UInt8]] {
        let made = try makeDevelopmentCertificates(in: directory, names: names, keyType: type, now: time)
        return [contents(made.ca), contents(made.chain), contents(made.key)]
    }

    @Test func keepsWhatIsStillGood() throws {
        let first = try make(["localhost", "127.0.0.1", "::1"], at: now)
        #expect(first.allSatisfy { !$0.isEmpty })
        #expect(try make(["127.0.0.1", "LOCALHOST", "0:0::1"], at: now + 300 * day) == first)
    }

    @Test func replacesTheLeafAndKeepsTheAuthority() throws {
        let first = try make(["localhost"], at: now)
        let renamed = try make(["localhost", "edge.test"], at: now)
        #expect(renamed[0] == first[0] && renamed[1] != first[1] && renamed[2] != first[2])
        let renewed = try make(["localhost", "edge.test"], at: now + 392 * day)
        #expect(renewed[0] == first[0] && renewed[1] != renamed[1])
        let rsa = try make(["localhost", "edge.test"], at: now + 392 * day, .rsa2048)
        #expect(rsa[0] == first[0] && rsa[1] != renewed[1])
    }

    @Test func replacesAnAuthorityAtItsEnd() throws {
        let first = try make(["localhost"], at: now)
        let later = try make(["localhost"], at: now + 820 * day)
        #expect(later[0] != first[0] && later[1] != first[1])
    }

    @Test func keysArePrivateAndNothingIsLeftBehind() throws {
        _ = try make(["localhost"], at: now)
        var found: [String: mode_t] = [:]
        let folder = try #require(opendir(directory))
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name == "." || name == ".." { continue }
            var status = stat()
            #expect(stat("\(directory)/\(name)", &status) == 0)
            found[name] = status.st_mode & 0o777
        }
        #expect(found["key.pem"] == 0o600 && found["ca-key.pem"] == 0o600)
        #expect(Set(found.keys) == ["ca.pem", "ca-key.pem", "chain.pem", "key.pem"])
    }

    @Test(arguments: [[], [""], ["a,DNS:evil.example"], ["white space"], ["line\nfeed"]])
    func refusesBadNames(names: [String]) {
        #expect(throws: TLSError.self) { try make(names, at: now) }
    }

    @Test func namesTheDirectoryThatCannotBe() {
        let error = #expect(throws: TLSError.self) {
            try makeDevelopmentCertificates(in: "/nowhere/at/all", names: ["localhost"])
        }
        #expect(error?.file == "/nowhere/at/all" && error?.reason == "No such file or directory")
    }
}
