// `freeinference log`: commands about the log of the running server.
import ArgumentParser

/// The parent command of `log reopen`.
struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Open the log file of the running server again.",
        subcommands: [LogReopenCommand.self]
    )
}
