import Routing
import Testing

@testable import Edge

/// Which values the edge reads from the metrics pages of engines.
@Suite struct EngineMetricsReaderTests {
    /// Reads a page in pieces of this many bytes.
    private func read(_ page: String, pieces: Int = 7) -> EngineMetricsReader {
        var reader = EngineMetricsReader()
        let bytes = Array(page.utf8)
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            let piece = Array(bytes[start..<min(start + pieces, bytes.count)])
            reader.take(piece.span)
        }
        reader.finish()
        return reader
    }

    private static let vllm = """
        # HELP vllm:num_requests_running Number of requests in model execution batches.
        # TYPE vllm:num_requests_running gauge
        python_gc_objects_collected_total{generation="0"} 9.0
        vllm:num_requests_running{engine="0",model_name="a \\"b\\" }\\\\"} 3.0
        vllm:num_requests_running{engine="1",model_name="m"} 4.0
        vllm:num_requests_waiting{engine="0",model_name="m"} 2.0 1700000000000
        vllm:num_requests_waiting_by_reason{reason="capacity"} 50
        vllm:kv_cache_usage_perc{engine="0"} 0.5
        vllm:kv_cache_usage_perc{engine="1"} 0.25
        vllm:cache_config_info{block_size="16",engine="0",num_gpu_blocks="1000"} 1.0
        vllm:cache_config_info{block_size="16",engine="1",kv_cache_size_tokens="20000",num_gpu_blocks="1000"} 1.0
        """

    @Test(arguments: [1, 7, 100_000]) func theWordsOfVLLM(pieces: Int) {
        let said = read(Self.vllm, pieces: pieces)
        #expect(said.kind == .vllm && said.load.running == 7 && said.load.waiting == 2)
        #expect(said.load.cacheUse == 0.375 && said.load.cacheTokens == 36_000)
    }

    @Test func theNameOfOlderVersions() {
        #expect(read("vllm:gpu_cache_usage_perc{model_name=\"m\"} 0.75\r\n").load.cacheUse == 0.75)
    }

    /// SGLang's metrics repeat the same requests for each tensor-parallel rank (`tp_rank`) and for each priority.
    ///
    /// These are counted once, and different data-parallel ranks (`dp_rank`) are summed.
    @Test func theWordsOfSGLang() {
        let said = read(
            """
            sglang:num_running_reqs{dp_rank="0",tp_rank="0"} 3.0
            sglang:num_running_reqs{dp_rank="0",tp_rank="1"} 3.0
            sglang:num_running_reqs{dp_rank="1",tp_rank="0"} 2.0
            sglang:num_queue_reqs{priority="",tp_rank="0"} 1
            sglang:num_queue_reqs{priority="5",tp_rank="0"} 1
            sglang:token_usage 0.1
            sglang:max_total_num_tokens{tp_rank="0"} 161721.0

            """
        )
        #expect(said.kind == .sglang && said.load.running == 5 && said.load.waiting == 1)
        #expect(said.load.cacheUse == 0.1 && said.load.cacheTokens == 161_721)
    }

    @Test func theWordsOfLlama() {
        let said = read("llamacpp:requests_processing 2\nllamacpp:requests_deferred 5")
        #expect(said.kind == .llamaCpp && said.load.running == 2 && said.load.waiting == 5 && said.load.cacheUse == nil)
    }

    @Test(arguments: [
        "vllm:num_requests_running", "vllm:num_requests_running ", "vllm:num_requests_running{ 3",
        "vllm:num_requests_running{a=\"b 3", "vllm:num_requests_running{a=b} 3", "vllm:num_requests_running{a=\"b\\",
        "vllm:num_requests_running NaN", "vllm:num_requests_running +Inf", "vllm:num_requests_running -1",
        "vllm:num_requests_running 1e300", "vllm:num_requests_running three", "vllm:kv_cache_usage_perc 1.5",
        "vllm:cache_config_info{num_gpu_blocks=\"None\",block_size=\"16\"} 1",
        "vllm:cache_config_info{num_gpu_blocks=\"9223372036854775807\",block_size=\"16\"} 1", "{} 3", "=", "\0",
    ]) func malformedLinesSayNothing(line: String) {
        let said = read(line + "\nvllm:num_requests_waiting 4\n")
        var expected = EngineLoad()
        expected.waiting = 4
        #expect(said.load == expected)
    }

    /// Long lines of a metrics page are skipped, and the lines after them are read.
    ///
    /// So a page of any size takes no more memory than one line.
    @Test func longLinesAndPagesAreSkipped() {
        let long = "vllm:x{a=\"" + String(repeating: "y", count: 100_000) + "\"} 1\n"
        let many = String(repeating: "vllm:e2e_request_latency_seconds_bucket{le=\"0.3\"} 1.0\n", count: 20_000)
        let said = read(long + many + "vllm:num_requests_running 1\n" + long, pieces: 4096)
        #expect(said.load.running == 1 && said.load.waiting == nil)
    }
}
