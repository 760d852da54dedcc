// `freeinference check`: every error of a configuration at once.
import ArgumentParser
import Edge

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Say everything that is wrong with a configuration.",
        discussion: """
            Exits with 0 when there is nothing, with 2 otherwise. Certificates and keys are loaded; nothing is bound. A name of \
            an executor that does not resolve is a warning: it may yet, and the server does not wait for it. So is what \
            the catalog says of a model that OpenRouter does not know.
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
            let keyProblems = KeyCheck.errors(configuration.authentication)
            for problem in problems { print("\(options.config): \(problem)") }
            for problem in keyProblems { print(problem) }
            if !problems.isEmpty || !keyProblems.isEmpty { throw ExitCode(2) }
            for warning in configuration.warnings { print(warning) }
            for problem in Supervisor.descriptorProblems(configuration) { print("\(options.config): \(problem)") }
            for warning in LibraryCheck.warnings() { print(warning) }
            for warning in KeyCheck.warnings(configuration) { print("\(options.config): \(warning)") }
            for problem in Supervisor.nameProblems(configuration) { print("\(options.config): \(problem)") }
            print("\(options.config): no errors")
        }
    }
}
