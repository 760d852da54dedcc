// `freeinference serve`: runs the server.
import ArgumentParser
import Configuration
import Edge

/// Runs the server until a signal ends it.
///
/// Exits with 2 if the configuration has errors, with 1 if the server cannot start.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve clients, by the configuration.",
        discussion: """
            Logs one JSON line an exchange on stdout and messages on stderr. SIGTERM, SIGQUIT and Ctrl-C drain: \
            streams under way go on for up to drain_timeout; a second one cuts them, a third one ends at once. SIGHUP, \
            or 'freeinference reload', reads the configuration again.
            """
    )

    @OptionGroup var options: ConfigurationOption

    func run() throws {
        Signals.ignoreBeforeStart()
        switch Configuration.load(path: options.config, inspection: .ofFiles()) {
        case .failure(let errors):
            OperatorLog.say("the configuration has errors", .error)
            OperatorLog.list(errors.all, to: 2)
            throw ExitCode(2)
        case .success(let configuration):
            for warning in configuration.warnings { OperatorLog.say("\(warning)", .warning) }
            do {
                let environment = SystemFiles.environment()
                try Supervisor(configuration: configuration, path: options.config, environment: environment).run()
            } catch {
                OperatorLog.say("cannot start: \(error)", .error)
                throw ExitCode(1)
            }
        }
    }
}
