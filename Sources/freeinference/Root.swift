// The entry of the program: the command line, whose subcommands are in Commands/, one in each file.
import ArgumentParser
import Edge
import Transport

/// The command `freeinference`.
@main
struct Root: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "freeinference",
        abstract: "TLS and HTTP/2 edge, OpenRouter-compatible gateway and router for language-model executors.",
        discussion: """
            `serve` is the server; `check` says what is wrong with a configuration, `import` makes one of another \
            gateway's, and `configure` one for the engines that it finds; `reload` has the server read it again, \
            `log` has it open its log file again. \
            `keys` makes and revokes API keys, \
            `certificate` makes a development certificate, `executor` is a model server without a model, and `bench` \
            measures.
            """,
        version: Build.version,
        subcommands: [
            ServeCommand.self, CheckCommand.self, ImportCommand.self, ConfigureCommand.self, ReloadCommand.self,
            LogCommand.self, KeysCommand.self, ExecutorCommand.self, BenchCommand.self, CertificateCommand.self,
        ]
    )

    /// Opens the standard descriptors that are closed, so that no socket gets their numbers, and runs the command.
    static func main() {
        Sockets.openStandardDescriptors()
        main(nil)
    }
}
