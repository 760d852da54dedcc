// Reads the kind and the load of an engine from its page of metrics.
internal import Routing
internal import Transport

/// Reads a page in Prometheus' text format in pieces, and keeps only the engine's kind and load.
///
/// Lines that are not well formed, or longer than `lineMax`, are ignored. The reader stores only one line at a time, so
/// a page of any size takes little memory.
struct EngineMetricsReader: Sendable {
    /// The longest line that is read, in bytes.
    static let lineMax = 8 << 10

    /// The kind of engine to which the names of the metrics belong; nil if they belong to no known kind.
    private(set) var kind: EngineKind?
    private(set) var load = EngineLoad()
    private var line: [UInt8] = []
    /// Whether the rest of the current line is ignored.
    private var isSkipping = false
    /// How full each cache of the engine is, from 0 to 1; `load.cacheUse` is the mean of these values.
    private var uses: [Double] = []
    private static let usesMax = 1024

    /// Reads the next bytes of the page of metrics.
    mutating func take(_ bytes: Span<UInt8>) {
        for index in bytes.indices {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\n") {
                endLine()
            } else if !isSkipping {
                // Only names that begin with `vllm:`, `sglang:` or `llamacpp:` matter here. Lines with other first
                // letters are ignored, and so are comments.
                if line.isEmpty, !"vsl".utf8.contains(byte) { isSkipping = true } else { line.append(byte) }
                if line.count > Self.lineMax { isSkipping = true }
            }
        }
    }

    /// Reads the last line of the page of metrics, which may have no line feed at its end.
    mutating func finish() { endLine() }

    private mutating func endLine() {
        if !isSkipping, !line.isEmpty, let sample = MetricSample(line) { take(sample) }
        isSkipping = false
        line.removeAll(keepingCapacity: true)
    }

    private mutating func take(_ sample: MetricSample) {
        if kind == nil { kind = Self.kind(ofName: sample.name) }
        // SGLang repeats its values for each rank that computes a part of the same model, and for each priority. So
        // only the lines of rank 0 without a priority are counted.
        guard ["tp_rank", "pp_rank"].allSatisfy({ sample.labels[$0].map { $0 == "0" } ?? true }),
            sample.labels["priority"]?.isEmpty ?? true
        else { return }
        switch sample.name {
        case "vllm:num_requests_running", "sglang:num_running_reqs", "llamacpp:requests_processing":
            add(sample, to: \.running)
        case "vllm:num_requests_waiting", "sglang:num_queue_reqs", "llamacpp:requests_deferred":
            add(sample, to: \.waiting)
        case "vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc", "sglang:token_usage",
            "llamacpp:kv_cache_usage_ratio":
            guard sample.value <= 1, uses.count < Self.usesMax else { return }
            uses.append(sample.value)
            load.cacheUse = uses.reduce(0, +) / Double(uses.count)
        case "sglang:max_total_num_tokens": add(sample, to: \.cacheTokens)
        case "vllm:cache_config_info": addCache(sample.labels)
        default: break
        }
    }

    private static func kind(ofName name: String) -> EngineKind? {
        if name.hasPrefix("vllm:") { return .vllm }
        if name.hasPrefix("sglang:") { return .sglang }
        return name.hasPrefix("llamacpp:") ? .llamaCpp : nil
    }

    /// Adds the count of one line to the load.
    ///
    /// An engine that runs several copies of the model (data parallelism) writes one line for each copy, so the values
    /// of the lines are summed.
    private mutating func add(_ sample: MetricSample, to path: WritableKeyPath<EngineLoad, Int?>) {
        guard sample.value < 1e12 else { return }
        load[keyPath: path] = (load[keyPath: path] ?? 0) + Int(sample.value)
    }

    /// Adds the size of a cache to the load; vLLM writes the size into the labels of a line, not into its value.
    private mutating func addCache(_ labels: [String: String]) {
        func count(_ name: String) -> Int? { labels[name].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil } }
        var tokens = count("kv_cache_size_tokens")
        if tokens == nil, let blocks = count("num_gpu_blocks"), let size = count("block_size") {
            let (product, overflow) = blocks.multipliedReportingOverflow(by: size)
            tokens = overflow ? nil : product
        }
        guard let tokens, tokens < 1 << 40 else { return }
        load.cacheTokens = (load.cacheTokens ?? 0) + tokens
    }
}

/// One line of a page in Prometheus' text format, without its timestamp.
struct MetricSample: Equatable {
    let name: String
    let labels: [String: String]
    /// The value of the metric, which is finite and at least 0.
    let value: Double

    /// Reads a line; nil if it is not well formed, or if its value is negative or not finite.
    init?(_ line: [UInt8]) {
        var rest = line[...]
        let name = rest.prefix { $0 != UInt8(ascii: "{") && $0 != 0x20 && $0 != 0x09 }
        rest = rest.dropFirst(name.count)
        guard let labels = Self.labels(&rest) else { return nil }
        let number = rest.drop { $0 == 0x20 || $0 == 0x09 }.prefix { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }
        guard !name.isEmpty, let value = Double(String(decoding: number, as: UTF8.self)), value.isFinite, value >= 0
        else { return nil }
        self.name = String(decoding: name, as: UTF8.self)
        self.labels = labels
        self.value = value
    }

    /// Reads the labels in braces, if there are any, and removes them from the beginning of `rest`.
    ///
    /// - Returns: nil if the labels are not well formed.
    private static func labels(_ rest: inout ArraySlice<UInt8>) -> [String: String]? {
        guard rest.first == UInt8(ascii: "{") else { return [:] }
        rest.removeFirst()
        var labels: [String: String] = [:]
        while true {
            rest = rest.drop { $0 == 0x20 || $0 == UInt8(ascii: ",") }
            guard let first = rest.first else { return nil }
            if first == UInt8(ascii: "}") {
                rest.removeFirst()
                return labels
            }
            let key = rest.prefix { $0 != UInt8(ascii: "=") }
            rest = rest.dropFirst(key.count + 1)
            guard let value = quoted(&rest) else { return nil }
            labels[String(decoding: key, as: UTF8.self)] = value
        }
    }

    /// Reads a label value in quotation marks, decodes its escapes, and removes it from the beginning of `rest`.
    private static func quoted(_ rest: inout ArraySlice<UInt8>) -> String? {
        guard rest.popFirst() == UInt8(ascii: "\"") else { return nil }
        var value: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: value, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst() else { return nil }
                value.append(escaped == UInt8(ascii: "n") ? 0x0A : escaped)
            default: value.append(byte)
            }
        }
        return nil
    }
}
