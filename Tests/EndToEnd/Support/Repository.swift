import Foundation

/// The paths of the repository, of the binary under test, and of the programs that the tests run.
enum Repository {
    static let root = URL(filePath: #filePath).appending(path: "../../../..").standardizedFileURL.path
    static let clients = root + "/Tests/EndToEnd/Clients"

    /// The binary under test; by default the release build, which `make test-end-to-end` makes first.
    static let binary = environment("FREEINFERENCE_BINARY") ?? root + "/.build/release/freeinference"

    /// The binary that runs the simulated executor; by default the binary under test.
    static let executorBinary = environment("FREEINFERENCE_EXECUTOR_BINARY") ?? binary

    /// The Python interpreter of the virtual environment that `make setup-test` creates.
    static let python = environment("FREEINFERENCE_PYTHON") ?? root + "/.build/venv/bin/python3"

    static func environment(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// A temporary folder for one test, which `remove` deletes.
struct Scratch: Sendable {
    let path: String

    init() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "freeinference-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        path = folder.path
    }

    func file(_ name: String) -> String { path + "/" + name }

    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        try text.write(toFile: file(name), atomically: true, encoding: .utf8)
        return file(name)
    }

    /// Deletes the folder, unless FREEINFERENCE_KEEP=1 keeps it for a look at a failed test.
    func remove() {
        guard Repository.environment("FREEINFERENCE_KEEP") == nil else { return }
        try? FileManager.default.removeItem(atPath: path)
    }
}
