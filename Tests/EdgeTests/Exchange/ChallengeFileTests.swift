// Tests which files of ACME challenges (RFC 8555) the server serves.
import Foundation
import HTTP
import LoopTesting
import Testing

@testable import Edge

@Suite struct ChallengeFileTests {
    @Test(
        arguments: [
            ("/.well-known/acme-challenge/aZ09-_", "aZ09-_"), ("/.well-known/acme-challenge/", nil),
            ("/.well-known/acme-challenge/a.b", nil), ("/.well-known/acme-challenge/a/b", nil),
            ("/.well-known/acme-challenge/%61", nil), ("/.well-known/acme-challeng/a", nil), ("/", nil),
        ] as [(String, String?)]
    )
    func aTokenIsOfBase64URL(path: String, token: String?) {
        #expect(ChallengeFile.token(in: Array(path.utf8)[...]) == token)
    }

    @Test func aTokenHasItsLimit() {
        func token(_ count: Int) -> String? {
            let path = "/.well-known/acme-challenge/" + String(repeating: "a", count: count)
            return ChallengeFile.token(in: Array(path.utf8)[...])
        }
        #expect(token(255)?.count == 255 && token(256) == nil)
    }

    /// Runs `body` with a folder that an ACME client has filled with challenge files.
    private func withWebroot(_ body: (_ root: String, _ challenges: String) throws -> Void) throws {
        let root = NSTemporaryDirectory() + "acme-" + UUID().uuidString
        let challenges = root + "/.well-known/acme-challenge"
        try FileManager.default.createDirectory(atPath: challenges, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: root) }
        try body(root, challenges)
    }

    @Test func onlyRegularFilesWithinTheFolderAreRead() throws {
        try withWebroot { root, challenges in
            try Data("key".utf8).write(to: URL(filePath: challenges + "/token"))
            try Data("secret".utf8).write(to: URL(filePath: root + "/secret"))
            try Data(count: ChallengeFile.bytesMax).write(to: URL(filePath: challenges + "/largest"))
            try Data(count: ChallengeFile.bytesMax + 1).write(to: URL(filePath: challenges + "/larger"))
            try Data().write(to: URL(filePath: challenges + "/empty"))
            symlink("../../secret", challenges + "/link")
            symlink("token", challenges + "/near")
            mkfifo(challenges + "/pipe", 0o600)
            mkdir(challenges + "/folder", 0o700)
            #expect(ChallengeFile.read("token", in: root) == Array("key".utf8))
            #expect(ChallengeFile.read("empty", in: root) == [])
            #expect(ChallengeFile.read("largest", in: root)?.count == ChallengeFile.bytesMax)
            for name in ["larger", "link", "near", "pipe", "folder", "missing"] {
                #expect(ChallengeFile.read(name, in: root) == nil, "\(name)")
            }
            #expect(ChallengeFile.read("token", in: root + "/missing") == nil)
        }
    }

    @Test func aLinkedFolderIsNotFollowed() throws {
        try withWebroot { root, challenges in
            try Data("key".utf8).write(to: URL(filePath: challenges + "/token"))
            try FileManager.default.createDirectory(atPath: root + "/other", withIntermediateDirectories: true)
            symlink("../.well-known", root + "/other/.well-known")
            symlink(root, root + "/link")
            #expect(ChallengeFile.read("token", in: root + "/other") == nil)
            #expect(
                ChallengeFile.read("token", in: root + "/link") == Array("key".utf8),
                "the root itself may be a link"
            )
        }
    }

    @Test func getAndHeadAreAnsweredAsText() throws {
        try withWebroot { root, challenges in
            try Data("token.thumbprint".utf8).write(to: URL(filePath: challenges + "/token"))
            var settings = ServerSettings()
            settings.acmeWebroot = root
            settings.redirectPort = 443
            func answer(_ method: String, _ name: String) throws -> String {
                let snapshot = try testSnapshot(models: "- {id: m, executors: [{url: 'http://e:1'}]}")
                let client = try TestClient(TestEnvironment(snapshot), settings: settings)
                client.peer.send("\(method) /.well-known/acme-challenge/\(name) HTTP/1.1\r\nhost: x\r\n\r\n")
                client.settle()
                return client.received
            }
            let get = try answer("GET", "token?x=y")
            #expect(get.hasPrefix("HTTP/1.1 200 ") && get.hasSuffix("\r\n\r\ntoken.thumbprint"), "\(get)")
            #expect(get.contains("\r\ncontent-type: text/plain\r\n"))
            let head = try answer("HEAD", "token")
            #expect(
                head.hasPrefix("HTTP/1.1 200 ") && head.contains("content-length: 16\r\n") && head.hasSuffix("\r\n\r\n")
            )
            for (method, name) in [("GET", "missing"), ("POST", "token"), ("GET", "")] {
                #expect(try answer(method, name).hasPrefix("HTTP/1.1 404 "), "\(method) \(name)")
            }
            #expect(try answer("GET", "..%2ftoken").hasPrefix("HTTP/1.1 400 "))
        }
    }
}
