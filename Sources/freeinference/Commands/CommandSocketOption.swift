// The option `--socket` of all commands that are sent to a running server.
import ArgumentParser
import Configuration
import Edge
import Transport

/// The path of the command socket of a running server.
struct CommandSocketOption: ParsableArguments {
    @Option(help: "The command socket of the server (admin.socket); by default where the server makes it.")
    var socket: String?

    /// Sends a command to the server, and waits for the answer.
    ///
    /// The program exits with 1 if no server answers.
    ///
    /// - Parameter timeout: how long to wait for the answer, in nanoseconds.
    func send(_ command: CommandRequest, timeout: Nanoseconds = 60_000_000_000) throws -> CommandClient.Answer {
        let (method, path) = command.request
        let defaults = CommandSocket.defaultPaths(environment: SystemFiles.environment())
        do {
            return try CommandClient.send(method, path, to: socket.map { [$0] } ?? defaults, timeout: timeout)
        } catch {
            throw failure("no server can be reached: \(error)")
        }
    }

    /// Sends a command that changes the state of the server, and prints the server's report.
    ///
    /// The program exits with 1 if no server answers, and with 2 if the server has refused the command.
    func carryOut(_ command: CommandRequest, timeout: Nanoseconds = 60_000_000_000) throws {
        let answer = try send(command, timeout: timeout)
        guard let report = CommandReport(json: answer.body) else {
            throw failure("the server has answered \(answer.status), which is no report of a command")
        }
        OperatorLog.list(report.lines.map { ($0, report.isDone ? .information : .error) })
        if !report.isDone { throw ExitCode(2) }
    }
}
