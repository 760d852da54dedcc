// Tests a simulated executor that has a prefix cache and computes prompts at a given rate.
import Foundation
import Inference
import Testing
import Transport

@testable import ExecutorSimulator

@Suite struct PrefillsTests {
    /// Options of a simulated executor whose cache has blocks of four tokens, and which answers without pauses.
    private static func options(cache: Int? = 4096, rate: Double? = nil) -> ExecutorSimulatorOptions {
        var options = ExecutorSimulatorOptions()
        options.prefill = 0
        options.pace = 0
        options.cacheTokens = cache
        options.blockSize = 4
        options.prefillRate = rate
        return options
    }

    private func with(
        _ options: ExecutorSimulatorOptions = PrefillsTests.options(),
        _ body: (SocketAddress) throws -> Void
    ) throws {
        let simulator = try ExecutorSimulator.startThread(options: options)
        defer { simulator.stop() }
        try body(simulator.address)
    }

    private func post(_ path: String, _ body: String, to address: SocketAddress) -> String {
        let client = LoopbackClient(to: address)
        defer { client.close() }
        client.post(path, body)
        return client.readAll().text
    }

    private func text(_ path: String, from address: SocketAddress) -> String {
        let client = LoopbackClient(to: address)
        defer { client.close() }
        client.get(path)
        return client.readAll().text
    }

    private func json(_ answer: String) -> JSONValue {
        answer.firstRange(of: "\r\n\r\n").flatMap { JSONValue(parsing: Array(answer[$0.upperBound...].utf8)) } ?? .null
    }

    private func events(_ text: String) -> [JSONValue] {
        text.split(separator: "\n").filter { $0.hasPrefix("data: {") }.compactMap {
            JSONValue(parsing: Array($0.dropFirst(6).utf8))
        }
    }

    /// A body that is a valid request in every dialect: the words are in `prompt`, `input` and `messages`.
    private func request(_ words: String, _ more: String = "") -> String {
        #"""
        {"model":"demo","max_tokens":2,"prompt":"\#(words)","input":"\#(words)",
        "messages":[{"role":"user","content":"\#(words)"}]\#(more)}
        """#
    }

    /// A prompt of ten tokens: two complete cache blocks of four tokens, and two tokens that are never cached.
    private let words = "a b c d e f g h i j"

    @Test(arguments: ["/v1/chat/completions", "/v1/completions"])
    func usageOfOpenAIHasTheCachedTokens(path: String) throws {
        try with { address in
            for cached in [0, 8] {
                let usage = json(post(path, request(words), to: address))["usage"]
                #expect(usage?["prompt_tokens"]?.integer == 10 && usage?["total_tokens"]?.integer == 12)
                #expect(usage?["prompt_tokens_details"]?["cached_tokens"]?.integer == cached)
            }
            let more = #","stream":true,"stream_options":{"include_usage":true}"#
            let usage = events(post(path, request(words + " k l m", more), to: address)).last?["usage"]
            #expect(usage?["prompt_tokens"]?.integer == 13)
            #expect(usage?["prompt_tokens_details"]?["cached_tokens"]?.integer == 8)
        }
    }

    @Test func theMetricsMayLieAboutTheSizeOfTheCache() throws {
        var options = Self.options(cache: 4096)
        options.saidCacheTokens = 512
        try with(options) { address in
            let page = text("/metrics", from: address)
            #expect(page.contains(#"kv_cache_size_tokens="512",num_gpu_blocks="128""#), "\(page)")
        }
    }

    /// Ten tokens at 100 a second take 0.1 s.
    ///
    /// While the file `slowWhile` exists, they take three times as long.
    @Test func aFileSlowsPrefillsDown() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("slow-\(UUID())").path
        var options = Self.options(cache: nil, rate: 100)
        options.slowWhile = file
        try with(options) { address in
            #expect(FileManager.default.createFile(atPath: file, contents: nil))
            let began = Clock.monotonicNow()
            _ = post("/v1/chat/completions", request(words), to: address)
            #expect(Clock.monotonicNow() - began >= 300_000_000)
            try FileManager.default.removeItem(atPath: file)
            let again = Clock.monotonicNow()
            _ = post("/v1/chat/completions", request(words), to: address)
            #expect(Clock.monotonicNow() - again >= 100_000_000)
        }
    }

    @Test func usageOfResponsesHasTheCachedTokens() throws {
        try with { address in
            for cached in [0, 8] {
                let usage = json(post("/v1/responses", request(words), to: address))["usage"]
                #expect(usage?["input_tokens"]?.integer == 10)
                #expect(usage?["input_tokens_details"]?["cached_tokens"]?.integer == cached)
            }
            let all = events(post("/v1/responses", request(words, #","stream":true"#), to: address))
            let usage = all.last?["response"]?["usage"]
            #expect(usage?["input_tokens_details"]?["cached_tokens"]?.integer == 8)
            let numbers = all.compactMap { $0["sequence_number"]?.integer }
            #expect(numbers.count > 4 && numbers == Array(0..<numbers.count))
        }
    }

    /// Anthropic's `input_tokens` are those that neither came from a cache nor were written to one.
    @Test func usageOfMessagesTellsCachedTokensApart() throws {
        func check(_ usage: JSONValue?, cached: Int, _ place: String) {
            #expect(usage?["input_tokens"]?.integer == 10 - cached, "\(place)")
            #expect(usage?["cache_read_input_tokens"]?.integer == cached, "\(place)")
            #expect(usage?["cache_creation_input_tokens"]?.integer == 0, "\(place)")
        }
        try with { address in
            check(json(post("/v1/messages", request(words), to: address))["usage"], cached: 0, "the first answer")
            check(json(post("/v1/messages", request(words), to: address))["usage"], cached: 8, "the second answer")
            let all = events(post("/v1/messages", request(words, #","stream":true"#), to: address))
            check(all.first?["message"]?["usage"], cached: 8, "message_start")
            let delta = all.first { $0["type"]?.string == "message_delta" }?["usage"]
            check(delta, cached: 8, "message_delta")
            #expect(delta?["output_tokens"]?.integer == 2)
            let count = json(post("/v1/messages/count_tokens", request(words), to: address))
            #expect(count == JSONValue(parsing: Array(#"{"input_tokens":10}"#.utf8)))
        }
    }

    @Test func withoutACacheNothingIsReported() throws {
        try with(Self.options(cache: nil)) { address in
            for path in ["/v1/chat/completions", "/v1/completions", "/v1/messages"] {
                let answer = post(path, request(words), to: address)
                #expect(answer.hasPrefix("HTTP/1.1 200") && !answer.contains("cache"), "\(answer)")
            }
            #expect(text("/metrics", from: address).hasPrefix("HTTP/1.1 404"))
        }
        try with(Self.options(cache: nil, rate: 1_000_000)) { address in
            let answer = post("/v1/messages", request(words), to: address)
            #expect(answer.hasPrefix("HTTP/1.1 200") && !answer.contains("cache"), "\(answer)")
            let metrics = text("/metrics", from: address)
            #expect(metrics.contains("\nvllm:num_requests_running{") && !metrics.contains("cache"))
        }
    }

    @Test(arguments: [nil, 1_000_000] as [Double?]) func countersAreThoseOfVLLM(rate: Double?) throws {
        try with(Self.options(cache: 64, rate: rate)) { address in
            _ = post("/v1/chat/completions", request(words), to: address)
            _ = post("/v1/chat/completions", request(words + " k"), to: address)
            _ = post("/v1/embeddings", request(words), to: address)
            let metrics = text("/metrics", from: address)
            #expect(metrics.contains("\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n"))
            let labels = #"{engine="0",model_name="demo"}"#
            #expect(metrics.contains("\nvllm:prefix_cache_queries_total\(labels) 21.0\n"), "\(metrics)")
            #expect(metrics.contains("\nvllm:prefix_cache_hits_total\(labels) 8.0\n"), "\(metrics)")
            #expect(metrics.contains("\nvllm:num_requests_running\(labels) 0.0\n"), "\(metrics)")
            #expect(metrics.contains(#"num_gpu_blocks="16"} 1.0"#), "\(metrics)")
            let counters = json(text("/simulator/counters", from: address))
            #expect(counters["prefix_cache_queries"]?.integer == 21)
            #expect(counters["prefix_cache_hits"]?.integer == 8)
            #expect(json(text("/simulator/last", from: address))["target"]?.string == "/v1/embeddings")
        }
    }

    @Test func blocksAreThereOnlyWhenTheirPrefillHasEnded() throws {
        try with { address in
            let slow = LoopbackClient(to: address)
            slow.post("/v1/chat/completions", request(words, #","simulator":{"prefill_ms":86400000}"#))
            try waitFor("the slow request", at: address) { $0["waiting"]?.integer == 1 }
            let usage = json(post("/v1/chat/completions", request(words), to: address))["usage"]
            #expect(usage?["prompt_tokens_details"]?["cached_tokens"]?.integer == 0)
            slow.close()
            try waitFor("its end", at: address) { $0["aborted"]?.integer == 1 && $0["waiting"]?.integer == 0 }
        }
    }

    // MARK: The queue

    private struct Timeout: Error { var what: String }

    /// Reads the executor's counters again and again until `isThere` returns true for them.
    @discardableResult
    private func waitFor(
        _ what: String,
        at address: SocketAddress,
        _ isThere: (JSONValue) -> Bool
    ) throws -> JSONValue {
        for _ in 0..<5000 {
            let counters = json(text("/simulator/counters", from: address))
            if isThere(counters) { return counters }
        }
        throw Timeout(what: what)
    }

    private func firstToken(_ client: LoopbackClient) throws -> Int {
        let times = events(client.readAll().text).compactMap { $0["emitted_ns"]?.integer }
        return try #require(times.first)
    }

    private func sample(_ name: String, at address: SocketAddress) -> String? {
        let lines = text("/metrics", from: address).split(separator: "\n")
        return lines.first { $0.hasPrefix("vllm:\(name){") }?.split(separator: " ").last.map(String.init)
    }

    /// Prefills run one after the other: the second prompt needs 1 ms, but has to wait for the first, which needs 250
    /// ms.
    @Test func firstComeFirstServed() throws {
        try with(Self.options(rate: 1000)) { address in
            let long = LoopbackClient(to: address)
            let short = LoopbackClient(to: address)
            defer {
                long.close()
                short.close()
            }
            let many = [String](repeating: "word", count: 250).joined(separator: " ")
            long.post("/v1/chat/completions", request(many, #","stream":true"#))
            try waitFor("the first", at: address) { $0["running_most"]?.integer == 1 }
            short.post("/v1/chat/completions", request("x", #","stream":true"#))
            #expect(try firstToken(long) < firstToken(short))
        }
    }

    @Test func whoLeavesGivesItsTurnUp() throws {
        try with(Self.options(rate: 0.001)) { address in
            let clients = (1...3).map { number in
                let client = LoopbackClient(to: address)
                client.post("/v1/chat/completions", request("\(words) \(number)", #","stream":true"#))
                return client
            }
            try waitFor("all", at: address) { $0["running"]?.integer == 3 && $0["waiting"]?.integer == 3 }
            #expect(sample("num_requests_running", at: address) == "1.0")
            #expect(sample("num_requests_waiting", at: address) == "2.0")
            // A request that itself sets how long its prefill takes does not wait for other prefills.
            let usage = json(
                post("/v1/chat/completions", request(words, #","simulator":{"prefill_ms":0}"#), to: address)
            )["usage"]
            #expect(usage?["completion_tokens"]?.integer == 2)

            // The clients leave one after the other. If the prefill of the one that leaves was running, the next
            // prefill begins.
            for (left, client) in clients.enumerated() {
                client.close()
                let counters = try waitFor("the leaver", at: address) { $0["aborted"]?.integer == left + 1 }
                #expect(counters["running"]?.integer == 2 - left && counters["waiting"]?.integer == 2 - left)
                #expect(sample("num_requests_running", at: address) == (left < 2 ? "1.0" : "0.0"))
                #expect(sample("num_requests_waiting", at: address) == (left < 1 ? "1.0" : "0.0"))
            }
            let aborts = json(text("/simulator/aborts", from: address)).array ?? []
            #expect(aborts.map { $0["phase"]?.string } == ["prefill", "prefill", "prefill"])
        }
    }

    @Test(arguments: ["error_event:0", "die_after:1", "stall_after:1", "no_answer", "close_before_head"])
    func faultsDoNotHoldTheQueue(fault: String) throws {
        try with(Self.options(rate: 100_000)) { address in
            let client = LoopbackClient(to: address)
            client.post("/v1/chat/completions", request(words, #","stream":true,"simulator":{"fault":"\#(fault)"}"#))
            try waitFor("the fault", at: address) {
                ($0["running_most"]?.integer ?? 0) > 0 || ($0["broken"]?.integer ?? 0) > 0
            }
            let usage = json(post("/v1/chat/completions", request("x"), to: address))["usage"]
            #expect(usage?["completion_tokens"]?.integer == 2)
            client.close()
        }
    }
}
