// `freeinference check`: prints every error and warning of a configuration.
import ArgumentParser
import Configuration
import Edge

/// Reads a configuration, checks the files that it names, and prints all errors and warnings.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Say everything that is wrong with a configuration.",
        discussion: """
            Exits with 0 when there is no error, with 2 otherwise. Certificates and keys are loaded; nothing is bound. \
            Warnings do not count: a certificate that has expired or does so within 21 days, a name of an executor \
            that does not resolve (it may yet, and the server does not wait for it), what the catalog says of a model \
            that OpenRouter does not know.
            """
    )

    @OptionGroup var options: ConfigurationOption
    @Flag(help: "Say what a reload of the running server would change if this were its configuration.")
    var againstRunning = false
    @OptionGroup var server: CommandSocketOption

    func run() throws {
        if againstRunning { return try compare() }
        switch Configuration.load(path: options.config, inspection: .ofFiles(keys: KeyStoreCheck.findings)) {
        case .failure(let errors):
            OperatorLog.list(errors.all)
            throw ExitCode(2)
        case .success(let configuration):
            OperatorLog.list(configuration.warnings)
            let descriptorWarnings = StartChecks.descriptorWarnings(configuration)
            OperatorLog.list(descriptorWarnings.map { ("\(options.config): \($0)", .warning) })
            OperatorLog.list(LibraryCheck.warnings().map { ($0, .warning) })
            // Resolving the host names of executors may take a while, so this check is the last.
            let nameWarnings = StartChecks.nameWarnings(configuration)
            OperatorLog.list(nameWarnings.map { ("\(options.config): \($0)", .warning) })
            OperatorLog.list([("\(options.config): no errors", .information)])
        }
    }

    /// Asks the running server what a reload of the file would change.
    ///
    /// The server reads the file itself, so that the server's environment variables and permissions apply.
    private func compare() throws {
        let report = try ReloadReport(answer: try server.send(.changes(file: options.absolutePath)))
        switch report.outcome {
        case .applied, .incomplete: OperatorLog.list([("a reload would change:", .information)])
        case .unchanged: OperatorLog.list([("a reload would change nothing", .information)])
        case .refused: OperatorLog.list([("a reload would be refused:", .error)])
        }
        OperatorLog.list(report.lines.map { ("  \($0)", .information) })
        if report.outcome == .refused { throw ExitCode(2) }
    }
}
