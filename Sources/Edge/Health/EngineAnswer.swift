// Reads from an engine's answer which kind of engine it is (such as vLLM), its load and the size of its cache.
internal import Configuration
internal import Inference
internal import Routing

/// The answer of an engine to a request by which the edge learns about the engine (`EngineQuestions`).
struct EngineAnswer {
    /// The largest body that is read, in bytes; a longer body is ignored.
    static let bodyBytesMax = ModelListAnswer.bodyBytesMax

    /// The path that was requested, without the path of the engine's URL.
    let path: String
    let status: Int
    /// The value of the header field `server`; nil if it is absent.
    let server: String?
    /// The body; empty if the answer is a page of metrics.
    var body: [UInt8] = []
    /// The values of a page of metrics, which is in the text format of Prometheus.
    var metrics = EngineMetricsReader()

    /// The kind of the engine, if the answer shows it.
    ///
    /// - Returns: the kind; `unknown` if the answer shows software that is none of the known kinds; nil if it shows
    ///   nothing.
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
    /// The largest number of llama.cpp slots, or of SGLang ranks, that is read from one answer.
    private static let partsMax = 4096

    /// Reads the page `/slots` of llama.cpp: for each slot, whether it is in use, and the size of its context.
    fileprivate mutating func readSlots(_ slots: [JSONValue]) {
        let slots = slots.prefix(Self.partsMax).filter { $0["is_processing"]?.bool != nil }
        guard !slots.isEmpty else { return }
        running = slots.count { $0["is_processing"]?.bool == true }
        cacheTokens = Self.sum(slots.compactMap { $0["n_ctx"]?.integer })
    }

    /// Reads the page `/v1/loads` or the older page `/get_load` of SGLang.
    ///
    /// The page has one object for each rank (a process of the engine), in a list, or a single object.
    fileprivate mutating func readLoads(_ page: JSONValue?) {
        let ranks = page?["loads"]?.array ?? page?.array ?? page.map { [$0] } ?? []
        for rank in ranks.prefix(Self.partsMax) {
            let waits = rank["num_waiting_reqs"]?.integer
            // `num_reqs` and `load` count the waiting requests, too.
            let runs =
                rank["num_running_reqs"]?.integer
                ?? (rank["num_reqs"]?.integer ?? rank["load"]?.integer).map { $0 - (waits ?? 0) }
            if let runs { running = Self.sum([running ?? 0, runs]) }
            if let waits { waiting = Self.sum([waiting ?? 0, waits]) }
            if let size = rank["max_total_num_tokens"]?.integer { cacheTokens = Self.sum([cacheTokens ?? 0, size]) }
        }
    }

    /// Reads the page `/props` of llama.cpp: the number of slots, and the size of each slot's context.
    fileprivate mutating func readProperties(_ page: JSONValue?) {
        guard let slots = page?["total_slots"]?.integer, (1...Self.partsMax).contains(slots),
            let context = page?["default_generation_settings"]?["n_ctx"]?.integer, context > 0
        else { return }
        cacheTokens = Self.product(slots, context)
    }

    /// Reads the page `/get_server_info` of SGLang: the cache size of each copy of the model, and the number of copies.
    fileprivate mutating func readServerInfo(_ page: JSONValue?) {
        guard let size = page?["max_total_num_tokens"]?.integer, size > 0 else { return }
        let copies = page?["dp_size"]?.integer ?? 1
        cacheTokens = Self.product(size, min(max(copies, 1), Self.partsMax))
    }

    /// The sum of counts; nil if there are none, or if one is negative or is too large to be a real count.
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
