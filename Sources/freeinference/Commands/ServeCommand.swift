// `freeinference serve`: the server.
import ArgumentParser
import Configuration
import Edge

struct ConfigurationOption: ParsableArguments {
    static let defaultPath = "/etc/freeinference/freeinference.yaml"

    @Option(name: .shortAndLong, help: "The configuration file.")
    var config = Self.defaultPath
}

struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve clients, by the configuration.",
        discussion: """
            Logs one JSON line an exchange on stdout and messages on stderr. SIGTERM, SIGQUIT and Ctrl-C drain: streams \
            under way go on for up to drain_timeout; a second one cuts them, a third one ends at once.
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
                try Supervisor(configuration: configuration, environment: SystemFiles.environment()).run()
            } catch {
                OperatorLog.say("cannot start: \(error)", .error)
                throw ExitCode(1)
            }
        }
    }
}
