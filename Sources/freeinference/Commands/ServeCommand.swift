// `freeinference serve`: runs the server.
import ArgumentParser
import Configuration
import Edge
import Transport

/// Runs the server until a signal ends it.
///
/// Exits with 2 if the configuration has errors, and with 1 if the server cannot start.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve clients, by the configuration.",
        discussion: """
            Logs one JSON line an exchange on stdout and messages on stderr. SIGTERM, SIGQUIT and Ctrl-C drain: \
            streams under way go on for up to drain_timeout; a second one cuts them, a third one ends at once. SIGHUP, \
            or 'freeinference reload', reads the configuration again. SIGUSR2, or 'freeinference upgrade', starts the \
            program anew without a cut.

            With --executor no file is read: the engines are asked for their models every 10 s, which are served on \
            127.0.0.1:8080, and a curl line to try is shown once there is a model.
            """
    )

    @OptionGroup var options: ConfigurationOption
    @Option(help: ArgumentHelp("Serve the models of this engine, without a file; may be repeated.", valueName: "url"))
    var executor: [String] = []

    func validate() throws { _ = try executorURLs(executor, option: "--executor") }

    func run() throws {
        Signals.ignoreBeforeStart()
        // The path of the program is read first, while the process is still in the directory in which it was started,
        // because a relative path is resolved against that directory.
        let program = SystemFiles.runningProgram()
        let environment = SystemFiles.environment()
        let inheritance = try receive(from: environment)
        let engines = try executorURLs(executor, option: "--executor")
        let source =
            engines.isEmpty ? ConfigurationSource.file(options.absolutePath) : EngineConfiguration.source(engines)
        switch source.read(SystemFiles.readOnce) {
        case .failure(let errors):
            OperatorLog.say("the configuration has errors", .error)
            OperatorLog.list(errors.all, to: 2)
            inheritance?.refuse(["the configuration has errors"] + errors.problems.map(\.description))
            throw ExitCode(2)
        case .success(let configuration):
            for warning in configuration.warnings { OperatorLog.say("\(warning)", .warning) }
            try serve(configuration, from: source, environment, program, inheritance)
        }
    }

    private func receive(from environment: [String: String]) throws -> Inheritance? {
        do {
            return try Inheritance.receive(from: environment)
        } catch {
            OperatorLog.say("cannot start: \(error)", .error)
            throw ExitCode(1)
        }
    }

    private func serve(
        _ configuration: Configuration,
        from source: ConfigurationSource,
        _ environment: [String: String],
        _ program: Program?,
        _ inheritance: Inheritance?
    ) throws {
        do {
            let server = try Supervisor(
                configuration: configuration,
                source: source,
                environment: environment,
                program: program,
                inheritance: inheritance
            )
            if !executor.isEmpty { server.greeting = EngineConfiguration.greeting(configuration) }
            try server.run()
        } catch {
            OperatorLog.say("cannot start: \(error)", .error)
            inheritance?.refuse(["cannot start: \(error)"])
            throw ExitCode(1)
        }
    }
}
