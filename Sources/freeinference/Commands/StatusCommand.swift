// `freeinference status`: prints the status of the running server, once or at intervals.
import ArgumentParser
import Configuration
import Edge
import Glibc

/// Asks the running server for its status, and prints the answer as a table or as JSON.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the models, executors, orders and certificates of the running server.",
        discussion: "Exits with 1 when no server can be reached. --watch ends by Ctrl-C, with 0."
    )

    @Flag(help: "Print the answer of the server as it is: one JSON object.") var json = false
    @Flag(help: "Show it again and again.") var watch = false
    @Option(help: "With --watch: the seconds between two answers, from 1 to 3600.") var interval: UInt32 = 1
    @OptionGroup var server: CommandSocketOption

    func validate() throws {
        guard (1...3600).contains(interval) else { throw ValidationError("--interval must be between 1 and 3600.") }
    }

    func run() throws {
        guard watch else { return try show(from: "") }
        // The signal handler may end the program at once: the program has not changed the terminal's modes, so nothing
        // must be restored.
        signal(SIGINT) { _ in _exit(0) }
        let isTerminal = isatty(1) == 1
        while true {
            // The escape sequences move the cursor to the top left corner and clear the screen below it.
            try show(from: isTerminal ? "\u{1B}[H\u{1B}[J" : "")
            sleep(interval)
        }
    }

    private func show(from start: String) throws {
        let answer = try server.send(.status)
        if json {
            OperatorLog.list([(start + String(decoding: answer.body, as: UTF8.self), .information)])
            return
        }
        guard let table = StatusTable(json: answer.body, width: Self.terminalWidth) else {
            throw failure("the server has answered \(answer.status), which is no status")
        }
        OperatorLog.list([(start + table.lines.joined(separator: "\n"), .information)])
    }

    /// The number of columns of the terminal on stdout; nil if stdout is not a terminal, or if its width is unknown.
    private static var terminalWidth: Int? {
        var size = winsize()
        guard isatty(1) == 1, unsafe ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }
}
