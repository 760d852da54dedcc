// `freeinference maintenance`: tells the running server to refuse requests for models, or to serve them again.
import ArgumentParser
import Edge

/// The parent command of `maintenance on` and `maintenance off`.
struct MaintenanceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "maintenance",
        abstract: "Answer requests for models with 503 and a text, or serve them again.",
        discussion: """
            Streams under way go on, and /health and /v1/models stay as they are. It survives a reload; a restart ends \
            it.
            """,
        subcommands: [On.self, Off.self]
    )

    /// `freeinference maintenance on`: begins the maintenance, or changes the text that clients get.
    struct On: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "on",
            abstract: "Answer requests for models with 503 from now on; again, to change the text."
        )
        @Option(help: "What clients read: one line of at most 1000 characters.") var text: String?
        @Option(help: "The seconds of retry-after, from 1 to 86400; 60 by default.") var retryAfter: Int?
        @OptionGroup var server: CommandSocketOption

        func run() throws { try server.carryOut(.maintain(text: text, retryAfter: retryAfter)) }
    }

    /// `freeinference maintenance off`: ends the maintenance.
    struct Off: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "off", abstract: "Serve requests again.")
        @OptionGroup var server: CommandSocketOption

        func run() throws { try server.carryOut(.endMaintenance) }
    }
}
