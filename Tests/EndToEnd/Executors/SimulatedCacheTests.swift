import Testing

/// The simulated executor with a prefix cache, behind the server.
@Suite struct SimulatedCacheTests {
    @Test func theCommandHasACacheAndNamesWrongSizes() async throws {
        let wrong = [
            (["--cache-tokens", "0"], "--cache-tokens is at least one block of 16 tokens, not 0"),
            (["--cache-tokens", "64", "--block", "65"], "--cache-tokens is at least one block of 65 tokens, not 64"),
            (["--block", "32"], "--block needs --cache-tokens"),
            (["--prefill-rate", "0"], "--prefill-rate is above 0"),
        ]
        for (arguments, message) in wrong {
            let refused = try await run(Repository.executorBinary, ["executor", "--listen", "127.0.0.1:0"] + arguments)
            #expect(!refused.succeeded && refused.errors.contains(message), "\(arguments): \(refused)")
        }

        let arguments = ["--cache-tokens", "1024", "--block", "4", "--prefill-rate", "100000"]
        try await withServer(executor: arguments) { server, executor in
            for cached in [0, 8] {
                let body = chat(stream: false, prompt: "a b c d e f g h i j", tokens: 1)
                let answer = try await server.curl("/v1/chat/completions", body: body)
                #expect(answer.status == 200, "\(answer)")
                let usage = try JSON(parsing: answer.body).usage
                #expect(usage.prompt_tokens.int == 10, "\(usage)")
                #expect(usage.prompt_tokens_details.cached_tokens.int == cached, "\(usage)")
                let line = try await server.logged("the answer") { $0.cached_tokens.int == cached }
                #expect(line.status.int == 200)
            }
            let metrics = try await executor.get("/metrics").body
            let labels = #"{engine="0",model_name="demo"}"#
            #expect(metrics.contains("\nvllm:prefix_cache_queries_total\(labels) 20.0\n"), "\(metrics)")
            #expect(metrics.contains("\nvllm:prefix_cache_hits_total\(labels) 8.0\n"), "\(metrics)")
            #expect(metrics.contains(#"{block_size="4","#) && metrics.contains(#"num_gpu_blocks="256"}"#), "\(metrics)")
        }
    }
}
