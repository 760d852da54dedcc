// `freeinference executors`: has subcommands to drain an executor of the running server, to resume it, and to set its
// weight.
import ArgumentParser
import Edge
import Transport

/// The parent command of `drain`, `resume` and `weight`.
struct ExecutorsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "executors",
        abstract: "Drain, resume and weigh the executors of the running server.",
        discussion: """
            URL is that of the configuration, or its beginning, if only one executor's URL begins so. An order holds \
            at once for all workers, and survives a reload; a restart forgets it. `freeinference status` shows orders.
            """,
        subcommands: [Drain.self, Resume.self, Weight.self]
    )

    /// The arguments that name an executor.
    struct Target: ParsableArguments {
        @Argument(help: "The URL of the executor, or its beginning.") var url: String
        @Option(help: "Only the executor of this model; by default the whole engine.") var model: String?
        @OptionGroup var server: CommandSocketOption
    }

    /// `freeinference executors drain`: stops new attempts at an executor.
    struct Drain: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "drain",
            abstract: "Give an executor no new requests; those under way go on to their ends.",
            discussion:
                "Health probes go on. Exits with 0 when it is done, with 2 when the URL or the model is unknown."
        )
        /// The timeout of `drain --wait`, in nanoseconds: 30 days, because a stream may run for long.
        private static let waitMax: Nanoseconds = 30 * 86_400 * 1_000_000_000

        @OptionGroup var target: Target
        @Flag(help: "Return only when the last request that is under way there is over.") var wait = false

        func run() throws {
            let order = OrderCommand(.drain, url: target.url, model: target.model, waits: wait)
            if wait {
                try target.server.carryOut(.order(order), timeout: Self.waitMax)
            } else {
                try target.server.carryOut(.order(order))
            }
        }
    }

    /// `freeinference executors resume`: ends the drain of an executor, and restores its configured weight.
    struct Resume: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "resume",
            abstract: "End the orders for an executor; after a drain its share of requests grows slowly, for 10 s."
        )
        @OptionGroup var target: Target

        func run() throws {
            try target.server.carryOut(.order(OrderCommand(.resume, url: target.url, model: target.model)))
        }
    }

    /// `freeinference executors weight`: sets another weight for an executor.
    struct Weight: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "weight",
            abstract: "Give an executor another weight than the configured one, until it is resumed."
        )
        @OptionGroup var target: Target
        @Argument(help: "From 0, with which it gets no requests, to 1000000.") var value: Int

        func run() throws {
            try target.server.carryOut(.order(OrderCommand(.weight(value), url: target.url, model: target.model)))
        }
    }
}
