// The metrics of the simulated model server, in the format of vLLM, SGLang or llama.cpp.

/// The numbers for a response to `GET /metrics`, and the text that a real engine would make of them.
///
/// The text has the format of Prometheus. Names, labels and the form of numbers are those of the engine in `kind`; for
/// vLLM, they are those of version 0.32.
struct EngineMetrics {
    /// The size of the prefix cache, and how often it was used.
    struct Cache {
        /// The number of tokens in one block of the cache.
        var blockSize: Int
        /// How many blocks the cache can hold.
        var blocks: Int
        /// How many tokens of prompts the simulator has looked up in the cache so far.
        var queries: Int
        /// How many of the tokens counted in `queries` were in the cache.
        var hits: Int
    }

    /// The `content-type` of the response.
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    var model: String
    /// When the simulator started, in seconds since 1970.
    var started: Int
    /// How many requests are being computed: their prompts are no longer waiting, and their responses are not complete.
    var running: Int
    /// How many requests wait until the simulator computes their prompts.
    var waiting: Int
    /// The size and the use of the prefix cache; nil if the simulator has no cache.
    var cache: Cache?
    /// The engine whose metric names and labels are used.
    var kind = SimulatedKind.vllm

    /// The text of the response to `GET /metrics`.
    func page() -> [UInt8] {
        switch kind {
        case .sglang: Array(sglangPage.utf8)
        case .llamaCpp: Array(llamaPage.utf8)
        case .simulator, .vllm, .ollama: vllmPage()
        }
    }

    private var sglangPage: String {
        let labels = #"{engine_type="unified",model_name="\#(Self.escaped(model))",tp_rank="0"}"#
        var text = """
            # TYPE sglang:num_running_reqs gauge
            sglang:num_running_reqs\(labels) \(running).0
            # TYPE sglang:num_queue_reqs gauge
            sglang:num_queue_reqs\(labels) \(waiting).0

            """
        if let cache { text += "sglang:max_total_num_tokens\(labels) \(cache.blocks * cache.blockSize).0\n" }
        return text
    }

    private var llamaPage: String {
        """
        # TYPE llamacpp:requests_processing gauge
        llamacpp:requests_processing \(running)
        # TYPE llamacpp:requests_deferred gauge
        llamacpp:requests_deferred \(waiting)

        """
    }

    private func vllmPage() -> [UInt8] {
        let labels = #"engine="0",model_name="\#(Self.escaped(model))""#
        var text = """
            # HELP process_start_time_seconds Start time of the process since unix epoch in seconds.
            # TYPE process_start_time_seconds gauge
            process_start_time_seconds \(started).0
            # HELP vllm:num_requests_running Number of requests in model execution batches.
            # TYPE vllm:num_requests_running gauge
            vllm:num_requests_running{\(labels)} \(running).0
            # HELP vllm:num_requests_waiting Number of requests waiting to be processed.
            # TYPE vllm:num_requests_waiting gauge
            vllm:num_requests_waiting{\(labels)} \(waiting).0

            """
        if let cache { text += Self.page(of: cache, labels) }
        return Array(text.utf8)
    }

    private static func page(of cache: Cache, _ labels: String) -> String {
        let configuration = """
            block_size="\(cache.blockSize)",enable_prefix_caching="True",engine="0",\
            kv_cache_size_tokens="\(cache.blocks * cache.blockSize)",num_gpu_blocks="\(cache.blocks)"
            """
        return """
            # HELP vllm:prefix_cache_queries_total Prefix cache queries, in terms of number of queried tokens.
            # TYPE vllm:prefix_cache_queries_total counter
            vllm:prefix_cache_queries_total{\(labels)} \(cache.queries).0
            # HELP vllm:prefix_cache_hits_total Prefix cache hits, in terms of number of cached tokens.
            # TYPE vllm:prefix_cache_hits_total counter
            vllm:prefix_cache_hits_total{\(labels)} \(cache.hits).0
            # HELP vllm:cache_config_info Information of the LLMEngine CacheConfig
            # TYPE vllm:cache_config_info gauge
            vllm:cache_config_info{\(configuration)} 1.0

            """
    }

    /// The value of a metric's label, with the escapes of the Prometheus text format.
    private static func escaped(_ value: String) -> String {
        var text = ""
        for character in value {
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.append(character)
            }
        }
        return text
    }
}
