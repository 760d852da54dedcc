// `freeinference bench aborts`: measures how soon an executor notices that a client has disconnected.
internal import ArgumentParser
internal import Bench

/// Disconnects simulated clients in each phase of an exchange, and prints how soon the executor noticed that.
///
/// Exits with 1 if the executor did not notice a disconnect, or if the run was interrupted.
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

extension AbortPhase: ExpressibleByArgument {}
