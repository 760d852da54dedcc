// The entry point of the program. The subcommands are in the directory Commands, one file for each.
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
            gateway's, and `configure` one for the engines that it finds. `reload` has the running server read it \
            again, `upgrade` has a new process take its place, and `log` has it open its log file again; `status`, `executors` and `maintenance` are other \
            commands to it. `keys` makes and revokes API keys, `certificate` makes a development certificate, \
            `executor` is a model server without a model, and `bench` measures.
            """,
        version: Build.version,
        subcommands: [
            ServeCommand.self, CheckCommand.self, ImportCommand.self, ConfigureCommand.self, ReloadCommand.self,
            UpgradeCommand.self, StatusCommand.self, ExecutorsCommand.self, MaintenanceCommand.self, LogCommand.self,
            KeysCommand.self,
            ExecutorCommand.self, BenchCommand.self, CertificateCommand.self,
        ]
    )

    /// Opens the standard descriptors that are closed, and runs the command.
    ///
    /// If a standard descriptor stayed closed, a socket could get the number 0, 1 or 2, and messages would go to the
    /// socket.
    static func main() {
        Sockets.openStandardDescriptors()
        main(nil)
    }
}
