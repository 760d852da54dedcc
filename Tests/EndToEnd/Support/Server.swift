import Testing

/// The server under test, in its own process.
final class Server: Sendable {
    let process: ChildProcess
    let configuration: Configuration
    let certificates: Certificates
    /// The path of the configuration file, which a test may replace before a reload.
    let file: String

    var tls: String { "https://127.0.0.1:\(configuration.tls)" }
    var clear: String { "http://127.0.0.1:\(configuration.clear)" }
    var admin: String { "http://127.0.0.1:\(configuration.admin)" }

    private init(process: ChildProcess, configuration: Configuration, certificates: Certificates, file: String) {
        self.file = file
        self.process = process
        self.configuration = configuration
        self.certificates = certificates
    }

    /// Starts a server and returns once it reports that it is ready.
    ///
    /// `yaml` replaces the whole configuration. `program` is the server's executable. `launcher` is a command that gets
    /// the server's command line as its arguments, and executes it.
    static func start(
        _ configuration: Configuration,
        yaml: String? = nil,
        arguments: [String] = [],
        environment: [String: String] = [:],
        launcher: [String] = [],
        program: String = Repository.binary,
        in scratch: Scratch
    ) async throws -> Server {
        let certificates = try await Certificates.shared()
        let file = try scratch.write(yaml ?? configuration.yaml(certificates), to: "freeinference.yaml")
        let words = launcher + [program, "serve", "--config", file] + arguments
        let process = try await ChildProcess.start(
            words[0],
            Array(words.dropFirst()),
            in: scratch,
            environment: environment
        )
        do {
            _ = try await eventually("the server") {
                if process.errors.contains("freeinference: ready") { return true }
                guard process.isRunning else { throw Unmet("the server ended: \(process.errors)") }
                return nil
            }
        } catch {
            try await process.stop()
            throw error
        }
        return Server(process: process, configuration: configuration, certificates: certificates, file: file)
    }

    /// The JSON lines on standard output so far.
    var log: [JSON] { process.output.split(separator: "\n").compactMap { try? JSON(parsing: String($0)) } }

    /// Waits until the log has a line for each exchange that has ended, and returns the log.
    ///
    /// A line is written some milliseconds after the end. The lines are counted before they are parsed, because parsing
    /// ten thousand lines takes seconds.
    func settledLog() async throws -> [JSON] {
        let ended = try await metrics().sum("freeinference_exchanges_total")
        try await eventually("\(ended) lines") {
            process.output.utf8.count { $0 == UInt8(ascii: "\n") } >= ended ? true : nil
        }
        return log
    }

    /// Waits for a log line that matches.
    func logged(
        _ what: String,
        within limit: Duration = patience,
        where matches: (JSON) -> Bool
    ) async throws -> JSON {
        do {
            return try await eventually("the log line \(what)", within: limit) { log.first(where: matches) }
        } catch {
            throw Unmet("\(error); the log:\n\(process.output)")
        }
    }

    /// Opens a raw connection to the cleartext listener.
    func connect() async throws -> RawConnection { try await RawConnection(port: configuration.clear) }
}

/// Runs `body` with a server and stops the server afterwards.
///
/// Records an issue if the server has crashed or does not end cleanly, so every end-to-end test also checks that.
func withServer<Answer>(
    _ configuration: Configuration,
    yaml: String? = nil,
    arguments: [String] = [],
    environment: [String: String] = [:],
    launcher: [String] = [],
    program: String = Repository.binary,
    ends end: ExitStatus = .exited(0),
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (Server) async throws -> Answer
) async throws -> Answer {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let server = try await Server.start(
        configuration,
        yaml: yaml,
        arguments: arguments,
        environment: environment,
        launcher: launcher,
        program: program,
        in: scratch
    )
    do {
        let answer = try await body(server)
        await finish(server, end, sourceLocation)
        return answer
    } catch {
        await finish(server, end, sourceLocation)
        throw error
    }
}

/// Runs `body` with one executor, started with `arguments`, and a server with `settings`.
func withServer<Answer>(
    executor arguments: [String] = [],
    settings: String = "",
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (Server, Executor) async throws -> Answer
) async throws -> Answer {
    try await withExecutor(arguments) { executor in
        try await withServer(
            Configuration(executors: [executor.url], settings: settings),
            sourceLocation: sourceLocation
        ) { try await body($0, executor) }
    }
}

private func finish(_ server: Server, _ end: ExitStatus, _ location: SourceLocation) async {
    // A test that has stopped the server has checked its exit status itself.
    if !server.process.isRunning, let status = try? await server.process.ending(), status == end { return }
    if server.process.isRunning, let status = try? await server.process.stop(), status == end { return }
    let status = (try? await server.process.ending()).map { "\($0)" } ?? "unknown"
    Issue.record("the server ended with \(status):\n\(server.process.errors)", sourceLocation: location)
}
