import Foundation
import FuzzTargets
import Testing

/// Every input that a fuzzer once found wrong, and those from which it starts: `make fuzz` makes new ones.
@Suite struct FuzzReplayTests {
    private static let corpus = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Corpus")

    private static func files(of target: String) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(
            at: corpus.appending(path: target),
            includingPropertiesForKeys: nil
        ).sorted { $0.lastPathComponent < $1.lastPathComponent }
    }

    @Test(arguments: FuzzTargets.all.map { $0.name })
    func findsNothing(in name: String) throws {
        let target = try #require(FuzzTargets.all.first { $0.name == name }).init()
        let files = try Self.files(of: name)
        try #require(!files.isEmpty, "no corpus")
        for file in files {
            let bytes = try Array(Data(contentsOf: file))
            // The same target serves them all, as in a fuzzer: nothing may be left behind.
            #expect(FuzzTargets.run(target, on: bytes) == [], "\(name)/\(file.lastPathComponent)")
        }
    }

    @Test func everyFolderHasItsTarget() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: Self.corpus.path)
        #expect(Set(folders) == Set(FuzzTargets.all.map { $0.name }))
    }
}
