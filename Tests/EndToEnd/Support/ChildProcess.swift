import Foundation
import Glibc
import Subprocess
import Synchronization
import SystemPackage
import Testing

/// A program that a test started.
///
/// Its output goes to files, so that the test can read it at any time and the program never blocks. The program runs
/// until `stop` or the end of the test run. Prefer `withServer` and `withExecutor`, which stop theirs.
final class ChildProcess: Sendable {
    let identifier: pid_t
    let name: String
    private let outputPath: String
    private let errorPath: String
    private let status: Ending

    /// The exit status, set by the task that waits for the process; nil while it runs.
    private final class Ending: Sendable {
        let status = Mutex<ExitStatus?>(nil)
    }

    private init(identifier: pid_t, name: String, outputPath: String, errorPath: String, status: Ending) {
        self.identifier = identifier
        self.name = name
        self.outputPath = outputPath
        self.errorPath = errorPath
        self.status = status
    }

    /// Starts a program in the repository's root; its output goes to files in `scratch`.
    static func start(
        _ program: String,
        _ arguments: [String],
        in scratch: Scratch,
        environment: [String: String] = [:]
    ) async throws -> ChildProcess {
        let stem = "\((program as NSString).lastPathComponent)-\(UUID().uuidString.prefix(8))"
        let outputPath = scratch.file(stem + ".out")
        let errorPath = scratch.file(stem + ".err")
        let mode: FileDescriptor.OpenOptions = [.create, .append, .closeOnExec]
        let output = try FileDescriptor.open(
            FilePath(outputPath),
            .writeOnly,
            options: mode,
            permissions: .ownerReadWrite
        )
        let error = try FileDescriptor.open(
            FilePath(errorPath),
            .writeOnly,
            options: mode,
            permissions: .ownerReadWrite
        )

        var inherited: [Subprocess.Environment.Key: String?] = [:]
        for (key, value) in environment { inherited[.init(stringLiteral: key)] = value }
        let configuration = Subprocess.Configuration(
            executable: program.contains("/") ? .path(FilePath(program)) : .name(program),
            arguments: .init(arguments),
            environment: .inherit.updating(inherited),
            workingDirectory: FilePath(Repository.root)
        )
        let status = Ending()
        let (started, start) = AsyncThrowingStream.makeStream(of: pid_t.self)
        Task {
            do {
                let result = try await Subprocess.run(
                    configuration,
                    input: .none,
                    output: .fileDescriptor(output, closeAfterSpawningProcess: true),
                    error: .fileDescriptor(error, closeAfterSpawningProcess: true)
                ) { execution in
                    Strays.add(execution.processIdentifier.value)
                    start.yield(execution.processIdentifier.value)
                }
                Strays.remove(result.processIdentifier.value)
                let ended = ExitStatus(result.terminationStatus)
                noticeCrash(of: stem, ended, errors: text(errorPath))
                status.status.withLock { $0 = ended }
                start.finish()
            } catch {
                start.finish(throwing: error)
            }
        }
        for try await identifier in started {
            return ChildProcess(
                identifier: identifier,
                name: stem,
                outputPath: outputPath,
                errorPath: errorPath,
                status: status
            )
        }
        throw Unmet("\(program) did not start")
    }

    var isRunning: Bool { status.status.withLock { $0 == nil } }

    var output: String { Self.text(outputPath) }
    var errors: String { Self.text(errorPath) }

    func signal(_ number: CInt) {
        if isRunning { kill(identifier, number) }
    }

    /// Waits for the exit status.
    func ending(within limit: Duration = patience) async throws -> ExitStatus {
        try await eventually("the end of \(name)", within: limit) { status.status.withLock { $0 } }
    }

    /// Sends SIGTERM, and SIGKILL after `limit`.
    @discardableResult
    func stop(within limit: Duration = patience) async throws -> ExitStatus {
        signal(SIGTERM)
        do {
            return try await ending(within: limit)
        } catch {
            signal(SIGKILL)
            return try await ending()
        }
    }

    /// A memory field of /proc/PID/status in kB, for example `VmRSS`; nil once the process is gone.
    func memory(_ field: String = "VmRSS") -> Int? {
        Self.text("/proc/\(identifier)/status")
            .split(separator: "\n")
            .first { $0.hasPrefix(field + ":") }
            .flatMap { $0.split(whereSeparator: { " \t".contains($0) }).dropFirst().first }
            .flatMap { Int($0) }
    }

    /// Records an issue if a program crashed or a sanitizer reported a fault.
    ///
    /// The task that waits for the program calls this function. It runs as part of the test that started the program,
    /// so the issue belongs to this test.
    private static func noticeCrash(of name: String, _ status: ExitStatus, errors: String) {
        let crashes = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV].map { ExitStatus.signaled($0) }
        if crashes.contains(status) {
            Issue.record("\(name) crashed, \(status):\n\(errors.suffix(20_000))")
        } else if let report = errors.firstRange(of: "Sanitizer: ") {
            let start = errors[..<report.lowerBound].lastIndex(of: "\n") ?? errors.startIndex
            Issue.record("\(name) has a sanitizer's report:\n\(errors[start...].prefix(20_000))")
        }
    }

    private static func text(_ path: String) -> String {
        (try? Data(contentsOf: URL(filePath: path))).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

/// How a program ended: its exit code, or the signal that killed it.
enum ExitStatus: Sendable, Equatable {
    case exited(CInt)
    case signaled(CInt)

    fileprivate init(_ status: TerminationStatus) {
        switch status {
        case .exited(let code): self = .exited(code)
        case .signaled(let number): self = .signaled(number)
        }
    }
}

/// The output of a program, and how it ended.
struct Completed: Sendable {
    let status: ExitStatus
    let output: String
    let errors: String

    var succeeded: Bool { status == .exited(0) }

    /// The lines of standard output that are JSON; other lines are skipped.
    var lines: [JSON] { output.split(separator: "\n").compactMap { try? JSON(parsing: String($0)) } }
}

/// Runs a program to its end; kills it and throws once `limit` is over.
func run(
    _ program: String,
    _ arguments: [String],
    within limit: Duration = .seconds(120),
    environment: [String: String] = [:]
) async throws -> Completed {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let child = try await ChildProcess.start(program, arguments, in: scratch, environment: environment)
    do {
        let status = try await child.ending(within: limit)
        return Completed(status: status, output: child.output, errors: child.errors)
    } catch {
        try await child.stop(within: .zero)
        throw Unmet("\(program) \(arguments.joined(separator: " ")): \(error)\n\(child.output)\n\(child.errors)")
    }
}

/// The processes that run now.
///
/// At the end of the test run, those that tests have left behind are killed.
private enum Strays {
    private static let living: Mutex<Set<pid_t>> = {
        atexit { Strays.killAll() }
        return Mutex([])
    }()

    static func add(_ identifier: pid_t) { living.withLock { _ = $0.insert(identifier) } }
    static func remove(_ identifier: pid_t) { living.withLock { _ = $0.remove(identifier) } }
    static func killAll() { living.withLock { for identifier in $0 { kill(identifier, SIGKILL) } } }
}
