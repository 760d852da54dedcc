// The file with the secret by which API keys are hashed: when the edge creates it, what it may contain, and who may
// read it.
import Configuration
import Foundation
import Glibc
import LoopTesting
import Testing
import Transport

@testable import Edge

@Suite struct KeySecretTests {
    private let path = temporaryDirectory() + "/secret"

    private func write(_ bytes: some Collection<UInt8>) throws {
        try Data(bytes).write(to: URL(filePath: path))
    }
    private func hash(_ secret: Result<HMACSHA256, FileProblem>) throws -> [UInt8] { try secret.get()([1, 2, 3]) }

    @Test func itIsMadeOnceAndForItsOwnerAlone() throws {
        #expect(!KeySecret.exists(path))
        #expect(throws: FileProblem.self) { try KeySecret.load(path).get() }
        let made = try hash(KeySecret.loadOrMake(path))
        #expect(KeySecret.exists(path) && !KeySecret.isShared(path))
        #expect(try hash(KeySecret.loadOrMake(path)) == made && hash(KeySecret.load(path)) == made)
        let folder = URL(filePath: path).deletingLastPathComponent().path
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["secret"], "no temporary file is left")
    }

    @Test func twoFilesHaveTwoSecrets() throws {
        let other = temporaryDirectory() + "/secret"
        #expect(try hash(KeySecret.loadOrMake(path)) != hash(KeySecret.loadOrMake(other)))
    }

    /// White space around the secret is ignored, because editors add a line end.
    @Test func spaceAroundASecretIsNoPartOfIt() throws {
        let secret = [UInt8](repeating: 0x41, count: 32)
        try write(secret)
        let plain = try hash(KeySecret.load(path))
        try write([0x20, 0x09] + secret + [0x0D, 0x0A])
        #expect(try hash(KeySecret.load(path)) == plain)
        try write(secret + [0x41])
        #expect(try hash(KeySecret.load(path)) != plain)
    }

    @Test(arguments: [(0, false), (31, false), (32, true), (4096, true), (4097, false)])
    func aSecretHasAnOrdinaryLength(count: Int, isTaken: Bool) throws {
        try write([UInt8](repeating: 0x41, count: count) + [0x0A])
        // An existing file is never replaced, whatever its content.
        for found in [KeySecret.load(path), KeySecret.loadOrMake(path)] {
            #expect(((try? found.get()) != nil) == isTaken)
        }
    }

    @Test(arguments: [(0o600, false), (0o400, false), (0o640, true), (0o604, true), (0o610, true)] as [(mode_t, Bool)])
    func aFileThatOthersMayOpenIsShared(mode: mode_t, isShared: Bool) throws {
        try write([UInt8](repeating: 0x41, count: 32))
        #expect(chmod(path, mode) == 0)
        #expect(KeySecret.isShared(path) == isShared)
    }

    @Test func aFileThatIsNotThereIsNotShared() { #expect(!KeySecret.isShared(path)) }
}
