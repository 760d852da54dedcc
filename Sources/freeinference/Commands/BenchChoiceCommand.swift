// `freeinference bench choice`: measures how long a pool takes to choose the executor that has cached the most of a
// prompt.
internal import ArgumentParser
internal import Bench

/// Prints how long a pool takes to choose an executor for a prompt.
///
/// Before the measurement, the command fills the map in which the pool remembers where earlier prompts were sent.
struct BenchChoiceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "choice",
        abstract: "Measure the choice of an executor with `balance: prefix`.",
        discussion: """
            Nothing is sent. The time is from the scanned body to the chosen executor: the hashes of the prompt, the \
            look-ups in a full placement map, and the decision. Before each choice 64 MiB of other memory are written, so \
            that the processor's caches hold nothing of the pool; then another pool chooses, unless the caches are to \
            have no code either (`--caches empty`).
            """
    )

    @Option(help: "Executors of the pool.")
    var executors = 10

    @Option(help: "The size of a prompt.")
    var promptBytes = 4096

    @Option(help: "Choices to measure.")
    var rounds = 400

    @Option(help: "What the processor's caches hold: this pool (warm), only the code (cold), nothing (empty).")
    var caches = ChoiceBench.Caches.cold

    func run() throws {
        var options = ChoiceBench.Options()
        (options.executors, options.promptBytes) = (executors, promptBytes)
        (options.rounds, options.caches) = (rounds, caches)
        let result = try ChoiceBench(options).run()
        print(
            "\(executors) executors, prompts of \(promptBytes) bytes, caches \(caches.rawValue), microseconds:"
        )
        print(result.text)
    }

    func validate() throws {
        guard (1...10_000).contains(executors), (1...1 << 20).contains(promptBytes), (1...1_000_000).contains(rounds)
        else {
            throw ValidationError("1 to 10,000 executors, prompts of 1 to 1,048,576 bytes, 1 to 1,000,000 rounds")
        }
    }
}

extension ChoiceBench.Caches: ExpressibleByArgument {}
