// `freeinference bench`: measures a server from its clients' side.
internal import ArgumentParser
internal import Bench

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure a server from its clients' side.",
        discussion: """
            The executor behind the server is `freeinference executor`, on this machine: it stamps each token with the \
            machine's clock, and counts the requests that were aborted.
            """,
        subcommands: [BenchStreamsCommand.self, BenchAbortsCommand.self],
        defaultSubcommand: BenchStreamsCommand.self
    )
}

/// Where to connect to; the same for all benches.
struct BenchTargetOptions: ParsableArguments {
    @Option(help: "The server, as https://host[:port] or http://host[:port].")
    var url: String

    @Flag(name: .customLong("http1"), help: "Speak HTTP/1.1, with a connection a stream, instead of HTTP/2.")
    var http1 = false

    @Option(help: ArgumentHelp("Certificate authorities to trust instead of the system's.", valueName: "file"))
    var ca: String?

    @Flag(help: "Accept any certificate.")
    var insecure = false

    @Option(help: ArgumentHelp("Connect to this address for this host.", valueName: "host:port:address"))
    var resolve: [String] = []

    @Option(help: "The model that is asked for.")
    var model = "demo"

    @Option(help: ArgumentHelp("Sent as `authorization: Bearer`.", valueName: "key"))
    var apiKey: String?

    @Option(help: ArgumentHelp("Run on this processor.", valueName: "cpu"))
    var pin: Int?

    @Flag(help: "Print the figures as JSON.")
    var json = false

    func target() throws -> BenchTarget {
        try BenchTarget(
            url: url,
            version: http1 ? .http1 : .http2,
            caFile: ca,
            insecure: insecure,
            resolve: resolve
        )
    }
}

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

extension AbortPhase: ExpressibleByArgument {}

struct BenchAbortsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aborts",
        abstract: "Leave in each phase of an exchange, and measure how soon the executor knows.",
        discussion: """
            A client leaves by RST_STREAM(CANCEL), or over HTTP/1.1 by closing its connection. The time counts from \
            just before that to the stamp that the executor puts on the abort. Phases: body (half of the request has \
            been sent: a server that reads it whole has opened no executor then), prefill (the executor is silent), \
            first (the first event has just come), stream (several have).
            """
    )

    @OptionGroup var target: BenchTargetOptions

    @Option(help: "The executor behind the server, as http://host:port.")
    var executor = "http://127.0.0.1:8100"

    @Option(help: "Resets in each phase.")
    var count = 1000

    @Option(parsing: .upToNextOption, help: "Phases to measure.")
    var phases = AbortPhase.allCases

    @Option(help: "Streams open at once.")
    var streams = 64

    @Option(help: "Milliseconds from reset to reset. (default: 1; with --http1 4, since each costs a handshake)")
    var spacing: Double?

    @Option(help: "Streams on each HTTP/2 connection, one after the other.")
    var perConnection = 100

    func run() throws {
        var options = AbortsOptions()
        options.phases = phases
        options.count = count
        options.streams = streams
        options.perConnection = perConnection
        options.spacing = UInt64((spacing ?? (target.http1 ? 4 : 1)) * 1e6)
        options.model = target.model
        options.apiKey = target.apiKey
        options.pin = target.pin
        let report = try AbortsBench(options: options, target: target.target(), executor: executor).run()
        print(target.json ? report.json : report.text)
        if !report.isComplete { throw ExitCode.failure }
    }

    func validate() throws {
        guard spacing.map({ $0 > 0 && $0 <= 1000 }) ?? true else {
            throw ValidationError("--spacing is above 0 and at most 1000")
        }
    }
}
