// `freeinference check`: every error of a configuration at once.
import ArgumentParser
import Edge

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Say everything that is wrong with a configuration.",
        discussion: """
            Exits with 0 when there is nothing, with 2 otherwise. Certificates are loaded; nothing is bound. A name of \
            an executor that does not resolve is a warning: it may yet, and the server does not wait for it.
            """
    )

    @OptionGroup var options: ConfigurationOption

    func run() throws {
        switch Configuration.load(path: options.config) {
        case .failure(let errors):
            print(errors)
            throw ExitCode(2)
        case .success(let configuration):
            let problems = Supervisor.certificateProblems(configuration)
            for problem in problems { print("\(options.config): \(problem)") }
            if !problems.isEmpty { throw ExitCode(2) }
            for warning in configuration.warnings { print("\(options.config): warning: \(warning)") }
            for problem in Supervisor.nameProblems(configuration) { print("\(options.config): \(problem)") }
            print("\(options.config): no errors")
        }
    }
}
