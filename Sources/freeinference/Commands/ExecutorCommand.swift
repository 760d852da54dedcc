// The command `freeinference executor`, which runs a simulated model server for tests, for benchmarks, and to try the
// gateway.
import ArgumentParser
import ExecutorSimulator
import Transport

/// Runs a simulated model server until SIGTERM or SIGINT.
struct ExecutorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "executor",
        abstract: "Run a simulated executor: the OpenAI and Anthropic APIs without a model.",
        discussion: """
            Answers chat, completions, responses, messages, embeddings and rerank with text made from the prompt and \
            the seed, at a steady pace. A request may say otherwise in its field "simulator": {"prefill_ms": 200, \
            "pace": 20, "tokens": 100, "fault": "die_after:5"}. Counters are at GET /simulator/counters.

            --cache-tokens gives it a prefix cache as engines have: whole blocks of prompts, each with all that was \
            before it, the least recently used one dropped first and never before what follows it. Usage tells the \
            cached tokens, and GET /metrics has vLLM's counters. A token is a word of text, four bytes of tools and \
            other JSON, or a token id; an image is 256. With --prefill-rate prompts are computed one after the other, \
            each for as long as the tokens take that are not cached, in place of --prefill; a request with prefill_ms \
            waits for none. --kind makes it pose as an engine, by its list of models and the names of its metrics.

            --dialects names what it serves, as the configuration's key does; other paths get the 404 of FastAPI. With \
            --loading, or --loading-until and a file that does not exist yet, it answers 503 "Loading model" as \
            llama.cpp does until then. With --reasoning-field the first half of a chat's tokens are in that member.

            Faults: \(Faults.names.joined(separator: ", ")). N counts token events. One fault may end the answer; \
            any number of the others say how its events are written. coalesce joins so many events, or all, into one \
            chunk or DATA frame; split cuts each of these in three, split_every after each so many bytes, split_at at \
            an offset in bytes from the beginning of the stream (and may be repeated); no_last_lf leaves out the last \
            byte of the last event. "error_event:0,coalesce" is an error and [DONE] in one chunk; \
            "error_only:0,crlf,no_last_lf" an error whose last line end is cut.
            """
    )

    @Option(help: ArgumentHelp("Where to listen; port 0 is any free port.", valueName: "host:port|unix:/path"))
    var listen = "127.0.0.1:8001"

    @Option(help: ArgumentHelp("A model that it has; may be repeated. (default: demo)", valueName: "name"))
    var model: [String] = []

    @Option(
        help: ArgumentHelp(
            "The engine that it poses as: \(SimulatedKind.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "engine"
        )
    )
    var kind = SimulatedKind.simulator

    @Flag(help: "Leave the cached tokens out of usage, as engines do that need a flag for it.")
    var noCachedTokens = false

    @Option(help: ArgumentHelp("From the end of a request to its first token.", valueName: "duration"))
    var prefill = Delay(milliseconds: 50)

    @Option(help: ArgumentHelp("Tokens a second that prefills compute, one after the other.", valueName: "tokens"))
    var prefillRate: Double?

    @Option(help: ArgumentHelp("Compute at a third of --prefill-rate while this file exists.", valueName: "path"))
    var slowWhile: String?

    @Option(help: ArgumentHelp("Size of the prefix cache. (default: no cache)", valueName: "tokens"))
    var cacheTokens: Int?

    @Option(help: ArgumentHelp("Size of the cache by the metrics. (default: the truth)", valueName: "tokens"))
    var cacheTokensSaid: Int?

    @Option(help: ArgumentHelp("Size of a block of the prefix cache. (default: 16)", valueName: "tokens"))
    var block: Int?

    @Option(help: ArgumentHelp("Tokens a second of each stream; 0 for no pause.", valueName: "tokens"))
    var pace = 50.0

    @Option(help: ArgumentHelp("Length of a completion when max_tokens is absent.", valueName: "tokens"))
    var tokens = 64

    @Flag(help: "Spread the streams evenly over the period instead of stepping all at once.")
    var spread = false

    @Option(help: ArgumentHelp("Let a new connection wait before it is read.", valueName: "duration"))
    var acceptDelay = Delay(milliseconds: 0)

    @Option(help: ArgumentHelp("A fault of every request; may be repeated.", valueName: "fault"))
    var fault: [String] = []

    @Option(help: ArgumentHelp("Only the first so many requests have the faults.", valueName: "requests"))
    var faultCount: Int?

    @Option(help: ArgumentHelp("With so many requests under way the next one gets 429.", valueName: "requests"))
    var maxRunning: Int?

    @Option(help: ArgumentHelp("The dialects that it has, with commas. (default: all)", valueName: "names"))
    var dialects: String?

    @Option(help: ArgumentHelp("Load the model for so long first.", valueName: "duration"))
    var loading: Delay?

    @Option(help: ArgumentHelp("Load the model until this file exists.", valueName: "path"))
    var loadingUntil: String?

    @Option(help: ArgumentHelp("The member of chats that has reasoning. (default: no reasoning)", valueName: "name"))
    var reasoningField: String?

    @Option(help: ArgumentHelp("Close connections that idle so long.", valueName: "duration"))
    var idleTimeout = Delay(milliseconds: 75_000)

    @Option(help: ArgumentHelp("Serve over TLS with this certificate, and --key.", valueName: "chain.pem"))
    var certificate: String?

    @Option(help: ArgumentHelp("The private key of --certificate.", valueName: "key.pem"))
    var key: String?

    @Option(help: ArgumentHelp("Streams at once on one HTTP/2 connection.", valueName: "streams"))
    var streams = 10_000

    @Option(help: ArgumentHelp("Run on this processor alone.", valueName: "cpu"))
    var pin: Int?

    func run() throws {
        var options = engineOptions
        if !model.isEmpty { options.models = model }
        options.kind = kind
        options.reportsCachedTokens = !noCachedTokens
        options.prefill = prefill.nanoseconds
        options.pace = pace
        options.tokens = tokens
        options.isSpread = spread
        options.acceptDelay = acceptDelay.nanoseconds
        options.idleTimeout = idleTimeout.nanoseconds
        options.faultsMax = faultCount
        options.runningMax = maxRunning
        options.streamsMax = streams
        if let certificate, let key {
            let files = CertificateFiles(chain: certificate, key: key)
            if let problem = ExecutorSimulator.problem(with: files) { throw ValidationError(problem) }
            options.certificate = files
        }
        options.faults = try faults()
        try ExecutorSimulator.runUntilSignal(listen: try address(), options: options, processor: pin)
    }

    func validate() throws {
        guard pace >= 0, pace <= 1_000_000 else { throw ValidationError("--pace is between 0 and 1000000") }
        guard (certificate == nil) == (key == nil) else {
            throw ValidationError("--certificate and --key go together")
        }
        guard (1...1_000_000).contains(streams) else { throw ValidationError("--streams is between 1 and 1000000") }
        guard tokens >= 1 else { throw ValidationError("--tokens is at least 1") }
        guard block == nil || cacheTokens != nil else { throw ValidationError("--block needs --cache-tokens") }
        guard loading == nil || loadingUntil == nil else {
            throw ValidationError("--loading and --loading-until exclude each other")
        }
        for problem in [engineOptions.cacheProblem, engineOptions.dialectProblem] {
            if let problem { throw ValidationError(problem) }
        }
    }

    /// The options that describe the simulated engine: its prefix cache, the speed of its prefills, its dialects, the
    /// time to load its model, and its reasoning.
    private var engineOptions: ExecutorSimulatorOptions {
        var options = ExecutorSimulatorOptions()
        options.prefillRate = prefillRate
        options.slowWhile = slowWhile
        options.cacheTokens = cacheTokens
        options.saidCacheTokens = cacheTokensSaid
        if let block { options.blockSize = block }
        options.dialects = dialects?.split(separator: ",").map(String.init)
        if let loading { options.loadingTime = loading.nanoseconds }
        options.loadingUntil = loadingUntil
        options.reasoningField = reasoningField
        return options
    }

    /// Parses the values of all `--fault` options, which say how the simulator misbehaves.
    private func faults() throws -> Faults {
        do {
            return try Faults(fault.joined(separator: ","))
        } catch {
            throw ValidationError("\(error)")
        }
    }

    /// Parses the option `--listen`, and resolves the host name in it.
    private func address() throws -> SocketAddress {
        if listen.hasPrefix("unix:") { return try unixAddress() }
        guard let colon = listen.lastIndex(of: ":"), let port = UInt16(listen[listen.index(after: colon)...]) else {
            throw ValidationError("--listen is host:port or unix:/path")
        }
        let host = listen[..<colon].filter { $0 != "[" && $0 != "]" }
        guard let address = SocketAddress.resolve(host: host.isEmpty ? "0.0.0.0" : host, port: port).first else {
            throw ValidationError("--listen \(listen) names no address")
        }
        return address
    }

    private func unixAddress() throws -> SocketAddress {
        guard let address = SocketAddress(unixPath: String(listen.dropFirst(5))) else {
            throw ValidationError("the path of --listen \(listen) is empty or longer than 107 bytes")
        }
        return address
    }
}

extension SimulatedKind: ExpressibleByArgument {}
