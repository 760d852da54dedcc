// The option `--socket` of the commands to a running server.
import ArgumentParser
import Configuration
import Edge
import HTTP

/// The path of the command socket of a running server.
struct CommandSocketOption: ParsableArguments {
    @Option(help: "The command socket of the server (admin.socket); by default where the server makes it.")
    var socket: String?

    /// Sends a command, and waits for its answer.
    ///
    /// Ends the program with 1 where no server answers.
    func send(_ method: HTTP.Method, _ path: String) throws -> CommandClient.Answer {
        let defaults = CommandSocket.defaultPaths(environment: SystemFiles.environment())
        do {
            return try CommandClient.send(method, path, to: socket.map { [$0] } ?? defaults)
        } catch {
            throw failure("no server can be reached: \(error)")
        }
    }
}
