// `freeinference bench trace`: replays a trace of real requests, and measures how well executors' caches were used.
internal import ArgumentParser
internal import Bench
internal import Configuration

/// Replays a trace, and prints times to first token and the hits in the executors' caches.
///
/// Exits with 1 if no request was answered, or the run was interrupted.
struct BenchTraceCommand: ParsableCommand {
    /// The size of the largest trace that is read, in bytes.
    private static let bytesMax = 64 << 20

    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Replay a trace, and measure times to first token and cache hits.",
        discussion: """
            Each request is sent at its time, whether earlier ones are answered or not. A trace has no texts: each of \
            Mooncake's hash_ids becomes 512 words of three letters that it and the seed determine, so prompts share \
            what they shared; Azure's traces have no such numbers, and no text occurs twice. A word is a token of \
            `freeinference executor --cache-tokens N`; other tokenizers count more.

            The hit ratio is what the executors have counted: vllm:prefix_cache_hits_total and \
            vllm:prefix_cache_queries_total at their /metrics, after the run minus before. The last line repeats the \
            run. "sent late" is how late the bench itself was: if it is not small, the machine is too slow.
            """
    )

    @OptionGroup var target: BenchTargetOptions

    @Option(help: "The trace, of at most 64 MiB.")
    var file: String

    @Option(help: "The format of the trace. (default: found by the first line)")
    var format: TraceFormat?

    @Option(help: "Seconds of the trace that pass in one second.")
    var speed = 1.0

    @Option(help: ArgumentHelp("Send this share of the requests, from above 0 to 1.", valueName: "share"))
    var scale = 1.0

    @Option(help: "Send at most so many requests.")
    var limit: Int?

    @Option(help: "Determines which requests --scale takes, and the words.")
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Tokens of an answer at most. (default: as in the trace)", valueName: "tokens"))
    var maxTokens: Int?

    @Option(help: ArgumentHelp("Executors whose counters are read, with commas.", valueName: "url,url"))
    var executors: String?

    @Option(help: "Connections at first; more are opened when these are full.")
    var connections = 4

    @Option(help: ArgumentHelp("How long to wait for answers after the last request.", valueName: "seconds"))
    var drain = 600.0

    func run() throws {
        let options = options
        let trace: TraceFile
        switch SystemFiles.readData(file, bytesMax: Self.bytesMax) {
        case .success(let bytes): trace = try TraceFile(bytes, name: file, format: format)
        case .failure(let problem): throw BenchError("\(file): cannot be read: \(problem)")
        }
        let report = try TraceBench(options: options, trace: trace, target: target.target()).run()
        print(target.json ? report.json : report.text)
        if report.answered == 0 || report.isInterrupted { throw ExitCode.failure }
    }

    func validate() throws {
        if let problem = options.problem { throw ValidationError(problem) }
    }

    private var options: TraceOptions {
        var options = TraceOptions()
        options.file = file
        options.speed = speed
        options.scale = scale
        options.limit = limit
        options.seed = seed
        options.model = target.model
        options.maxTokens = maxTokens
        options.apiKey = target.apiKey
        options.executors = executors?.split(separator: ",").map(String.init) ?? []
        options.connections = connections
        options.drain = drain
        options.pin = target.pin
        return options
    }
}

extension TraceFormat: ExpressibleByArgument {}
