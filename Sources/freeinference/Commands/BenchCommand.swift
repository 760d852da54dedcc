// `freeinference bench`: measures a server with many simulated clients. Each benchmark is a subcommand.
internal import ArgumentParser

/// The parent command of the benchmarks; `streams` is the default subcommand.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure a server from its clients' side.",
        discussion: """
            The executor behind the server is `freeinference executor`, on this machine: it stamps each token with the \
            machine's clock, and counts the requests that were aborted. `trace` also measures other executors.
            """,
        subcommands: [
            BenchStreamsCommand.self, BenchAbortsCommand.self, BenchTraceCommand.self, BenchChoiceCommand.self,
        ],
        defaultSubcommand: BenchStreamsCommand.self
    )
}
