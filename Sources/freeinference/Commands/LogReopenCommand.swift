// `freeinference log reopen`: tells the running server to open its log file again, for example after a rotation.
import ArgumentParser
import Edge

/// Tells the server to open its log file again, waits until no more lines go to the earlier file, and prints the
/// outcome.
struct LogReopenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reopen",
        abstract: "Have the running server open its log file (log.file) again, after it was renamed.",
        discussion: """
            For logrotate: when the command has ended, the renamed file is complete and closed. SIGUSR1 does the same \
            without an answer. Exits with 0 also where the log is stdout, with 2 when the file cannot be opened: then \
            the earlier one is still written. With 1 when no server can be reached.
            """
    )

    @OptionGroup var server: CommandSocketOption

    func run() throws {
        let answer = try server.send(.reopenLog)
        guard let outcome = LogReopening(json: answer.body) else {
            throw failure("the server has answered \(answer.status), which is no answer to this command")
        }
        guard case .failed = outcome else { return OperatorLog.list([(outcome.text, .information)]) }
        OperatorLog.list([(outcome.text, .error)])
        throw ExitCode(2)
    }
}
