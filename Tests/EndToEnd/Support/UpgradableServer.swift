import Foundation
import Glibc
import Testing

/// A server whose program file a test replaces, and the processes that its upgrades have started.
final class UpgradableServer: Sendable {
    let server: Server
    let executor: Executor
    /// A folder for the files of the test.
    let scratch: Scratch
    /// The file by whose path the server was started: at first a link to the binary under test.
    let program: String

    fileprivate init(_ server: Server, _ executor: Executor, _ scratch: Scratch, program: String) {
        self.server = server
        self.executor = executor
        self.scratch = scratch
        self.program = program
    }

    /// The body of a request for a stream that outlives an upgrade.
    static let long = chat(tokens: 60, more: #""simulator":{"pace":30,"prefill_ms":1}"#)

    /// Begins a stream, and waits until its first tokens have been sent.
    func beginStream() async throws -> ChildProcess {
        let curl = try await server.streamingCurl(body: Self.long, in: scratch)
        try await executor.counter("emitted", reaches: 2)
        return curl
    }

    /// Expects that a stream ends completely, with `[DONE]`.
    func expectWhole(_ curl: ChildProcess, at location: SourceLocation = #_sourceLocation) async throws {
        try await expect(curl.ending(), at: location) { $0 == .exited(0) }
        #expect(eventData(curl.output).last == "[DONE]", sourceLocation: location)
    }

    /// What the server's processes have written to stderr, which is one file for all of them.
    var messages: String { server.process.errors }

    /// The ids of the processes that upgrades have started, oldest first, whether or not they still run.
    var successors: [pid_t] {
        messages.matches(of: /upgrade: the process (\d+) starts by/).compactMap { pid_t($0.1) }
    }

    /// Runs the command `freeinference upgrade` against the server.
    func upgrade() async throws -> Completed { try await server.command("upgrade") }

    /// Upgrades, expects that it succeeds, and returns the id of the new process.
    @discardableResult
    func upgraded(at location: SourceLocation = #_sourceLocation) async throws -> pid_t {
        let said = try await upgrade()
        #expect(said.succeeded && said.output.contains("has taken over"), "\(said)", sourceLocation: location)
        return try await main()
    }

    /// The id of the process that answers commands.
    func main() async throws -> pid_t {
        let said = try await server.command("status", "--json")
        guard let process = try JSON(parsing: said.output).process.int else { throw Unmet("no process: \(said)") }
        return pid_t(process)
    }

    /// Replaces the program by another file, as an operator does: by `rename`.
    func replaceProgram(by text: String, mode: Int = 0o755) throws {
        let next = try scratch.write(text, to: "next")
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: next)
        guard rename(next, program) == 0 else { throw Unmet("cannot rename: \(errno)") }
    }

    /// Replaces the program by the binary under test.
    func restoreProgram() throws {
        let next = scratch.file("next")
        try FileManager.default.createSymbolicLink(atPath: next, withDestinationPath: Repository.binary)
        guard rename(next, program) == 0 else { throw Unmet("cannot rename: \(errno)") }
    }

    /// Replaces the program by one that waits for `openGate`, and then runs the binary under test.
    func closeGate() throws {
        try replaceProgram(
            by: """
                #!/bin/sh
                while [ ! -e '\(scratch.file("gate"))' ]; do sleep 0.02; done
                exec '\(Repository.binary)' "$@"

                """
        )
    }

    /// Lets the script that `closeGate` has put in the program's place start the binary under test.
    func openGate() throws { try scratch.write("", to: "gate") }

    /// Waits until the server has written a message to stderr that contains the text.
    func said(_ text: String) async throws {
        do {
            try await eventually(text) { messages.contains(text) ? true : nil }
        } catch {
            throw Unmet("\(error); messages:\n\(messages)")
        }
    }

    /// Waits until a process that this test did not start has ended.
    func ended(_ process: pid_t) async throws {
        try await eventually("the end of process \(process)") { Self.isRunning(process) ? nil : true }
    }

    /// Whether a process runs; a zombie, which has ended but whose parent has not yet collected its status, does not.
    static func isRunning(_ process: pid_t) -> Bool {
        guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let name = stat.lastIndex(of: ")")
        else { return false }
        return stat[name...].dropFirst(2).first != "Z"
    }

    /// Ends the processes that upgrades have started.
    fileprivate func finish(_ location: SourceLocation) async {
        for process in successors where Self.isRunning(process) { kill(process, SIGTERM) }
        for process in successors {
            if (try? await ended(process)) != nil { continue }
            Issue.record("process \(process) did not end:\n\(messages)", sourceLocation: location)
            kill(process, SIGKILL)
        }
        for sign in ["Fatal error", "Sanitizer: "] where messages.contains(sign) {
            Issue.record("a process crashed:\n\(messages.suffix(20_000))", sourceLocation: location)
        }
    }
}

/// Runs `body` with a server whose program can be replaced, and ends all its processes afterwards.
///
/// - Parameters:
///   - configure: changes the configuration.
///   - environment: further environment variables of the server.
///   - launcher: a command that executes the server.
///   - copiesProgram: whether the program is a copy in place of a link, for a user who cannot read the repository.
///   - end: how the first process ends.
func withUpgrades(
    settings: String = "drain_timeout: 600s",
    environment: [String: String] = [:],
    launcher: [String] = [],
    copiesProgram: Bool = false,
    configure: (inout Configuration, Scratch) throws -> Void = { _, _ in },
    firstEnds end: ExitStatus = .exited(0),
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (UpgradableServer) async throws -> Void
) async throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let program = scratch.file("freeinference")
    if copiesProgram {
        try FileManager.default.copyItem(atPath: Repository.binary, toPath: program)
    } else {
        try FileManager.default.createSymbolicLink(atPath: program, withDestinationPath: Repository.binary)
    }
    try await withExecutor { executor in
        var configuration = Configuration(executors: [executor.url], settings: settings)
        configuration.commands = scratch.file("admin.sock")
        try configure(&configuration, scratch)
        try await withServer(
            configuration,
            environment: environment,
            launcher: launcher,
            program: program,
            ends: end,
            sourceLocation: sourceLocation
        ) { server in
            let upgradable = UpgradableServer(server, executor, scratch, program: program)
            do {
                try await body(upgradable)
                await upgradable.finish(sourceLocation)
            } catch {
                await upgradable.finish(sourceLocation)
                throw error
            }
        }
    }
}
