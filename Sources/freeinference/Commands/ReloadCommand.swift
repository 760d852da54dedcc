// `freeinference reload`: tells the running server to read its configuration again.
import ArgumentParser
import Edge

/// Tells the server to reload, waits until the new configuration is in force or refused, and prints the result.
struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Have the running server read its configuration again.",
        discussion: """
            Waits until all workers use the new configuration; no stream is cut. Exits with 0 when it is in force, or \
            when nothing has changed, with 2 when it was refused: then everything stays as it was. With 3 when it is in \
            force, but a worker has not begun to use it within 30 s. With 1 when no server can be reached.
            """
    )

    @OptionGroup var server: CommandSocketOption

    func run() throws {
        let report = try ReloadReport(answer: try server.send(.reload))
        report.list()
        if report.outcome == .refused { throw ExitCode(2) }
        if report.outcome == .incomplete { throw ExitCode(3) }
    }
}

extension ReloadReport {
    /// Parses the server's answer to a reload.
    ///
    /// The program exits with 1 if the answer is not a report of a reload.
    init(answer: CommandClient.Answer) throws {
        guard let report = ReloadReport(json: answer.body) else {
            throw freeinference.failure("the server has answered \(answer.status), which is no report of a reload")
        }
        self = report
    }

    /// Prints the report: the outcome in the first line, then one line for each change and error.
    func list() {
        let first: [(text: String, priority: LogPriority)] = [(summary, errors.isEmpty ? .information : .error)]
        OperatorLog.list(first + lines.map { ("  \($0)", .information) })
    }
}
