// The command line: one subcommand a screen, in Commands/.
import ArgumentParser
import Edge
import Transport

@main
struct Root: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "freeinference",
        abstract: "TLS and HTTP/2 edge, OpenRouter-compatible gateway and router for language-model executors.",
        discussion: """
            `serve` is the server; `check` says what is wrong with a configuration. `keys` makes and revokes API keys, \
            `certificate` makes a development certificate, `executor` is a model server without a model, and `bench` \
            measures.
            """,
        version: Build.version,
        subcommands: [
            ServeCommand.self, CheckCommand.self, KeysCommand.self, ExecutorCommand.self, BenchCommand.self,
            CertificateCommand.self,
        ]
    )

    static func main() {
        Sockets.openStandardDescriptors()
        main(nil)
    }
}
