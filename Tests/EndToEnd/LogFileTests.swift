import Foundation
import Testing

/// Tests a log file: rotation by rename with a command or a signal, and errors if the file cannot be opened.
@Suite struct LogFileTests {
    private let scratch: Scratch
    private var file: String { scratch.file("access.log") }

    init() throws { scratch = try Scratch() }

    private func lines(_ path: String) -> [JSON] {
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { try? JSON(parsing: String($0)) }
    }

    private func withLogFile(_ body: (Server) async throws -> Void) async throws {
        defer { scratch.remove() }
        var configuration = Configuration(executors: ["http://127.0.0.1:1"], settings: "log: {file: '\(file)'}")
        configuration.commands = scratch.file("admin.sock")
        try await withServer(configuration) { server in try await body(server) }
    }

    @Test func itIsRotatedByCommandAndBySignal() async throws {
        try await withLogFile { server in
            try await expect(server.curl("/v1/models?1")) { $0.status == 200 }
            try FileManager.default.moveItem(atPath: file, toPath: file + ".1")
            let done = try await server.command("log", "reopen")
            #expect(done.status == .exited(0) && done.output.contains("\(file) is open again"), "\(done)")
            // Once the command has returned, the server writes nothing more to the renamed file.
            #expect(lines(file + ".1").count == 1)
            try await expect(server.curl("/v1/models?2")) { $0.status == 200 }
            _ = try await eventually("the line in the new file") { lines(file).count == 1 ? true : nil }
            try FileManager.default.moveItem(atPath: file, toPath: file + ".2")
            server.process.signal(SIGUSR1)
            _ = try await eventually("the message") {
                server.process.errors.components(separatedBy: "is open again").count == 3 ? true : nil
            }
            try await expect(server.curl("/v1/models?3")) { $0.status == 200 }
            _ = try await eventually("the line in the third file") { lines(file).count == 1 ? true : nil }
            #expect(lines(file + ".1").count == 1 && lines(file + ".2").count == 1)
            // No line is written to stdout.
            #expect(server.process.output.isEmpty)
        }
    }

    @Test func oneThatCannotBeOpenedAgainIsToldAndTheEarlierOneStays() async throws {
        try await withLogFile { server in
            try FileManager.default.moveItem(atPath: file, toPath: file + ".1")
            try FileManager.default.createDirectory(atPath: file, withIntermediateDirectories: false)
            let failed = try await server.command("log", "reopen")
            #expect(failed.status == .exited(2) && failed.output.contains("Is a directory"), "\(failed)")
            #expect(server.process.errors.contains("the earlier one stays"))
            try await expect(server.curl("/v1/models")) { $0.status == 200 }
            _ = try await eventually("the line") { lines(file + ".1").count == 1 ? true : nil }
        }
    }

    /// If the folder of the log file does not exist, `check` and `serve` fail, and name the position of the setting in
    /// the configuration file.
    @Test func aMissingFolderIsAnErrorOfTheConfiguration() async throws {
        defer { scratch.remove() }
        let certificates = try await Certificates.shared()
        let settings = "log: {file: '\(scratch.file("missing/access.log"))'}"
        let yaml = Configuration(executors: ["http://127.0.0.1:1"], settings: settings).yaml(certificates)
        let path = try scratch.write(yaml, to: "freeinference.yaml")
        for command in ["check", "serve"] {
            let refused = try await run(Repository.binary, [command, "--config", path])
            let said = refused.output + refused.errors
            #expect(refused.status == .exited(2) && said.contains("log.file: cannot write"), "\(refused)")
        }
    }
}
