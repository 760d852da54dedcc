// Reads an engine's kind, load and cache size from its answers.
internal import Configuration
internal import Inference
internal import Routing

/// The answer of an engine to one of the `EngineQuestions`.
struct EngineAnswer {
    /// The largest body that is read, in bytes; a longer one says nothing.
    static let bodyBytesMax = ModelListAnswer.bodyBytesMax

    /// The path of the question, without the path of the engine's URL.
    let path: String
    let status: Int
    /// The value of the header field `server`; nil if it is absent.
    let server: String?
    /// The body, if it is not a page of metrics.
    var body: [UInt8] = []
    /// The values on the page, if it is a page of metrics in the text format of Prometheus.
    var metrics = EngineMetricsReader()

    /// The kind that the answer shows.
    ///
    /// - Returns: the kind, which is `unknown` if the answer comes from software that has no kind; nil if the answer
    ///   does not show it.
    var kind: EngineKind? {
        if server?.lowercased().hasPrefix("llama.cpp") == true { return .llamaCpp }
        guard status == 200 else { return nil }
        switch path {
        case "/v1/models":
            guard let listing = EngineListing(body: body, server: server) else { return nil }
            if listing.kind != .auto { return EngineKind(listing.kind) }
            return listing.software != nil || listing.isThisServer ? .unknown : nil
        case "/metrics": return metrics.kind
        default: return body.starts(with: "Ollama is running".utf8) ? .ollama : nil
        }
    }

    /// The engine's load and the size of its cache according to the answer; nil if the answer has neither.
    var load: EngineLoad? {
        guard status == 200 else { return nil }
        var load = EngineLoad()
        switch path {
        case "/metrics": load = metrics.load
        case "/slots": load.readSlots(JSONValue(parsing: body)?.array ?? [])
        case "/v1/loads", "/get_load": load.readLoads(JSONValue(parsing: body))
        case "/props": load.readProperties(JSONValue(parsing: body))
        default: load.readServerInfo(JSONValue(parsing: body))
        }
        return load == EngineLoad() ? nil : load
    }
}

extension EngineLoad {
    /// The largest number of slots or ranks of an engine that is read.
    private static let partsMax = 4096

    /// Reads llama.cpp's `/slots`.
    fileprivate mutating func readSlots(_ slots: [JSONValue]) {
        let slots = slots.prefix(Self.partsMax).filter { $0["is_processing"]?.bool != nil }
        guard !slots.isEmpty else { return }
        running = slots.count { $0["is_processing"]?.bool == true }
        cacheTokens = Self.sum(slots.compactMap { $0["n_ctx"]?.integer })
    }

    /// Reads SGLang's `/v1/loads` or the older `/get_load`: an object for each rank, in a list, or one object alone.
    fileprivate mutating func readLoads(_ page: JSONValue?) {
        let ranks = page?["loads"]?.array ?? page?.array ?? page.map { [$0] } ?? []
        for rank in ranks.prefix(Self.partsMax) {
            let waits = rank["num_waiting_reqs"]?.integer
            // `num_reqs` and `load` contain the requests that wait.
            let runs =
                rank["num_running_reqs"]?.integer
                ?? (rank["num_reqs"]?.integer ?? rank["load"]?.integer).map { $0 - (waits ?? 0) }
            if let runs { running = Self.sum([running ?? 0, runs]) }
            if let waits { waiting = Self.sum([waiting ?? 0, waits]) }
            if let size = rank["max_total_num_tokens"]?.integer { cacheTokens = Self.sum([cacheTokens ?? 0, size]) }
        }
    }

    /// Reads llama.cpp's `/props`: the number of slots, and the context of each.
    fileprivate mutating func readProperties(_ page: JSONValue?) {
        guard let slots = page?["total_slots"]?.integer, (1...Self.partsMax).contains(slots),
            let context = page?["default_generation_settings"]?["n_ctx"]?.integer, context > 0
        else { return }
        cacheTokens = Self.product(slots, context)
    }

    /// Reads SGLang's `/get_server_info`: the size of the cache of each copy of the model.
    fileprivate mutating func readServerInfo(_ page: JSONValue?) {
        guard let size = page?["max_total_num_tokens"]?.integer, size > 0 else { return }
        let copies = page?["dp_size"]?.integer ?? 1
        cacheTokens = Self.product(size, min(max(copies, 1), Self.partsMax))
    }

    /// The sum of counts; nil if one is negative or the sum is too large to be one.
    private static func sum(_ counts: [Int]) -> Int? {
        var sum = 0
        for count in counts {
            guard count >= 0, count < 1 << 40 else { return nil }
            sum += count
        }
        return counts.isEmpty ? nil : sum
    }

    private static func product(_ first: Int, _ second: Int) -> Int? {
        let (product, overflow) = first.multipliedReportingOverflow(by: second)
        return overflow ? nil : product
    }
}
