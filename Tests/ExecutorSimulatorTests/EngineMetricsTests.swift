// Tests the metrics page of the simulated executor, which uses the metric names of vLLM.
import Testing

@testable import ExecutorSimulator

@Suite struct EngineMetricsTests {
    private func samples(_ metrics: EngineMetrics) -> [String] {
        let lines = String(decoding: metrics.page(), as: UTF8.self).split(separator: "\n")
        return lines.filter { !$0.hasPrefix("#") }.map(String.init)
    }

    @Test func samplesAreThoseOfVLLM() {
        let cache = EngineMetrics.Cache(blockSize: 16, blocks: 100, queries: 1270, hits: 1024)
        let metrics = EngineMetrics(model: "demo", started: 1_795_820_214, running: 3, waiting: 2, cache: cache)
        #expect(
            samples(metrics) == [
                "process_start_time_seconds 1795820214.0",
                #"vllm:num_requests_running{engine="0",model_name="demo"} 3.0"#,
                #"vllm:num_requests_waiting{engine="0",model_name="demo"} 2.0"#,
                #"vllm:prefix_cache_queries_total{engine="0",model_name="demo"} 1270.0"#,
                #"vllm:prefix_cache_hits_total{engine="0",model_name="demo"} 1024.0"#,
                #"vllm:cache_config_info{block_size="16",enable_prefix_caching="True",engine="0","#
                    + #"kv_cache_size_tokens="1600",num_gpu_blocks="100"} 1.0"#,
            ]
        )
    }

    @Test func everyFamilyHasHelpAndTypeAndTheLastLineEnds() {
        let cache = EngineMetrics.Cache(blockSize: 16, blocks: 1, queries: 0, hits: 0)
        let metrics = EngineMetrics(model: "demo", started: 0, running: 0, waiting: 0, cache: cache)
        let text = String(decoding: metrics.page(), as: UTF8.self)
        #expect(text.hasSuffix("} 1.0\n"))
        for sample in samples(metrics) {
            let name = sample.prefix { $0 != "{" && $0 != " " }
            let kind = name.hasSuffix("_total") ? "counter" : "gauge"
            #expect(text.contains("# HELP \(name) ") && text.contains("# TYPE \(name) \(kind)\n"), "\(name)")
        }
    }

    @Test func withoutACacheOnlyRequestsAreCounted() {
        let metrics = EngineMetrics(model: #"a "b" \c"#, started: 0, running: 1, waiting: 0, cache: nil)
        #expect(
            samples(metrics) == [
                "process_start_time_seconds 0.0",
                #"vllm:num_requests_running{engine="0",model_name="a \"b\" \\c"} 1.0"#,
                #"vllm:num_requests_waiting{engine="0",model_name="a \"b\" \\c"} 0.0"#,
            ]
        )
    }
}
