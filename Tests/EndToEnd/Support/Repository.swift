import Foundation

/// Where things are: the repository, the binary under test and the programs that drive it.
enum Repository {
    static let root = URL(filePath: #filePath).appending(path: "../../../..").standardizedFileURL.path
    static let clients = root + "/Tests/EndToEnd/Clients"

    /// The binary under test; by default the release binary, which `make test-end-to-end` builds first.
    static let binary = environment("FREEINFERENCE_BINARY") ?? root + "/.build/release/freeinference"

    /// The binary whose `executor` stands behind it, if another one than that under test is wanted.
    static let executorBinary = environment("FREEINFERENCE_EXECUTOR_BINARY") ?? binary

    /// The interpreter of the virtual environment that `make setup-test` makes.
    static let python = environment("FREEINFERENCE_PYTHON") ?? root + "/.build/venv/bin/python3"

    static func environment(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// A folder of one test, gone when `remove` is called.
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

    /// Kept with FREEINFERENCE_KEEP=1, to look at what a failed test left.
    func remove() {
        guard Repository.environment("FREEINFERENCE_KEEP") == nil else { return }
        try? FileManager.default.removeItem(atPath: path)
    }
}
