// `freeinference bench streams`: measures how long tokens take from the executor to the client while many streams run.
internal import ArgumentParser
internal import Bench

/// Opens connections and streams, and prints the latency and the rate of their tokens.
///
/// Exits with 1 if no token arrived during the measurement.
struct BenchStreamsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "streams",
        abstract: "Open connections and streams, and measure their tokens end to end.",
        discussion: """
            Streams are opened over the first half of the warm-up; one that ends is followed by another. Lines on \
            stderr mark the measured part: `bench: measuring` and `bench: measured`, all streams running at both.
            """
    )

    @OptionGroup var target: BenchTargetOptions

    @Option(help: "Connections.")
    var connections = 4

    @Option(help: "Streams on each connection.")
    var streams = 100

    @Option(help: "How long to measure.")
    var seconds = 10.0

    @Option(help: "Seconds before that.")
    var warmup = 3.0

    @Option(help: "Seconds for which the streams go on after that.")
    var hold = 0.3

    @Option(help: "Tokens a second of each stream; else as the executor has it.")
    var pace: Double?

    @Option(help: "Milliseconds before the first token; else as the executor has it.")
    var prefill: Int?

    @Option(help: "Tokens of each stream; else enough for the whole run.")
    var maxTokens: Int?

    func run() throws {
        var options = StreamsOptions()
        options.connections = connections
        options.streams = streams
        options.seconds = seconds
        options.warmup = warmup
        options.hold = hold
        options.model = target.model
        options.apiKey = target.apiKey
        options.pace = pace
        options.prefillMilliseconds = prefill
        options.maxTokens = maxTokens
        options.pin = target.pin
        let report = try StreamsBench(options: options, target: target.target()).run()
        print(target.json ? report.json : report.text)
        if report.tokens == 0 { throw ExitCode.failure }
    }

    func validate() throws {
        guard seconds > 0, warmup >= 0, hold >= 0, seconds + warmup + hold <= 86_400 else {
            throw ValidationError("--seconds is above 0, and a run no longer than a day")
        }
        guard pace.map({ $0 > 0 }) ?? true else { throw ValidationError("--pace is above 0") }
    }
}
