// A parsed model request in any dialect.
internal import Inference
internal import Transport

/// A parsed and accepted request body.
struct ModelRequest {
    /// The largest number of tokens that a choice of a response may have.
    private static let tokensMax = 10_000_000

    let endpoint: ModelEndpoint
    let body: JSONValue
    let model: String
    let isStream: Bool
    let includesUsage: Bool
    let promptTokens: Int
    /// The prompts, cut into blocks of tokens for the simulated prefix cache; nil if the simulator has neither a prefix
    /// cache nor a prefill rate.
    let blocks: PromptBlocks?
    /// One number for each choice, from which the text of the choice is generated.
    private(set) var keys: [UInt64]
    /// The index of the first token to generate.
    ///
    /// The index is above 0 if the request contains the beginning of an answer, which the response continues.
    let start: Int
    /// How many tokens each choice gets.
    private(set) var count = 0
    /// Whether the response ends because it reaches the token limit of the request.
    private(set) var endsByLength = false

    /// The time from the end of the request to the first token.
    private(set) var prefill: Nanoseconds
    /// Whether the request itself says how long `prefill` is.
    private(set) var hasOwnPrefill = false
    /// How many tokens per second each choice gets; 0 means as fast as possible.
    private(set) var pace: Double
    private(set) var faults: Faults
    /// Whether `faults` come from the simulator's options and not from the request.
    private(set) var hasServerFaults = false
    /// Whether the response head is sent with the first event, instead of as soon as the request is complete.
    private(set) var isHeadLate = false
    /// The value of `retry-after` in an error response; nil to omit the field.
    private(set) var retryAfter: String?

    /// Parses a request body.
    ///
    /// - Parameter serverFaults: the faults that the response has if the request names no faults.
    /// - Throws: the error response to a request that cannot be served.
    init(
        _ endpoint: ModelEndpoint,
        body: [UInt8],
        options: ExecutorSimulatorOptions,
        serverFaults: Faults
    ) throws(Refusal) {
        guard let value = JSONValue(parsing: body), case .object = value else {
            throw Refusal(status: 400, message: "the body is no JSON object")
        }
        guard let name = value["model"]?.string ?? (options.models.count == 1 ? options.models.first : nil) else {
            throw Refusal(status: 400, message: "model is missing", parameter: "model")
        }
        guard options.models.contains(name) else {
            let message = "The model `\(name)` does not exist."
            throw Refusal(status: 404, message: message, type: "NotFoundError", parameter: "model")
        }
        self.endpoint = endpoint
        self.body = value
        model = name
        isStream = endpoint.makesText && value["stream"]?.bool == true
        includesUsage = value["stream_options"]?["include_usage"]?.bool == true
        let prompt = try Prompt(endpoint, value)
        blocks =
            options.countsPrompts
            ? PromptBlocks(
                endpoint,
                model: name,
                body: value,
                words: prompt.tokens,
                blockSize: options.blockSize
            ) : nil
        promptTokens = blocks?.tokens ?? prompt.tokens
        keys = prompt.keys
        start = prompt.start
        prefill = options.prefill
        pace = options.pace
        faults = serverFaults
        let simulator = value["simulator"]
        try readCount(simulator, options: options)
        try readBehaviour(simulator, isContinuation: prompt.start > 0)
    }

    /// Reads how many choices the request asks for, and how many tokens each of them gets.
    private mutating func readCount(_ simulator: JSONValue?, options: ExecutorSimulatorOptions) throws(Refusal) {
        guard endpoint.makesText else { return }
        let limitName = endpoint == .responses ? "max_output_tokens" : "max_tokens"
        let limit = (body["max_completion_tokens"] ?? .null).integer ?? body[limitName]?.integer
        if let limit, limit < 1 {
            throw Refusal(status: 400, message: "\(limitName) must be at least 1, got \(limit).", parameter: limitName)
        }
        var natural = simulator?["tokens"]?.integer
        if natural == nil, limit == nil { natural = options.tokens }
        let left = natural.map { max(0, $0 - start) } ?? Self.tokensMax
        count = min(left, limit ?? Self.tokensMax, Self.tokensMax)
        endsByLength = limit == count

        let choices = body["n"]?.integer ?? 1
        guard 1...128 ~= choices else {
            throw Refusal(status: 400, message: "n must be between 1 and 128", parameter: "n")
        }
        let seed = body["seed"]?.integer ?? 0
        keys = keys.flatMap { key in
            (0..<choices).map { Hash.mix(key ^ Hash.mix(UInt64(bitPattern: Int64(seed)))) &+ Hash.mix(UInt64($0)) }
        }
    }

    /// Reads the member `simulator`, by which a request sets the timing and the faults of its response.
    private mutating func readBehaviour(_ simulator: JSONValue?, isContinuation: Bool) throws(Refusal) {
        hasServerFaults = true
        guard let simulator else { return }
        if let milliseconds = simulator["prefill_ms"]?.double, 0...86_400_000 ~= milliseconds {
            prefill = Nanoseconds(milliseconds * 1_000_000)
            hasOwnPrefill = true
        }
        if let wanted = simulator["pace"]?.double, 0...1_000_000 ~= wanted { pace = wanted }
        isHeadLate = simulator["head"]?.string == "late"
        retryAfter = simulator["retry_after"].flatMap { $0.string ?? $0.integer.map { String($0) } }
        guard let named = simulator["fault"], !named.isNull else { return }
        faults = Faults()
        hasServerFaults = false
        if isContinuation, simulator["fault_once"]?.bool == true { return }
        try readFaults(named)
    }

    /// Reads the faults from a string or from an array of strings.
    private mutating func readFaults(_ named: JSONValue) throws(Refusal) {
        do throws(Faults.Malformed) {
            if let text = named.string { faults = try Faults(text) }
            for text in named.array ?? [] { try faults.add(text.string ?? "") }
        } catch {
            throw Refusal(status: 400, message: error.description, parameter: "simulator.fault")
        }
    }
}
