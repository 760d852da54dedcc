import Foundation
import FuzzTargets
import Testing

/// Runs every stored fuzzer input: those that once found a fault, and the seeds.
///
/// `make fuzz` makes new inputs.
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
            // One target runs all inputs, as in a fuzzer, so no input may leave state behind.
            #expect(FuzzTargets.run(target, on: bytes) == [], "\(name)/\(file.lastPathComponent)")
        }
    }

    @Test func everyFolderHasItsTarget() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: Self.corpus.path)
        #expect(Set(folders) == Set(FuzzTargets.all.map { $0.name }))
    }
}
