// The command `freeinference keys`, whose subcommands create, list and revoke API keys.
import ArgumentParser

/// The command that contains the subcommands for API keys.
struct KeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Make, list and revoke API keys.",
        discussion: """
            In the file that authentication.keys of the configuration names. A SQLite database is edited, and made \
            where it is not there; a YAML file is yours: what to change in it is said. A running server follows within \
            a second.
            """,
        subcommands: [KeysCreateCommand.self, KeysListCommand.self, KeysRevokeCommand.self]
    )
}
