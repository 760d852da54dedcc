import Testing

/// How many tokens of prompts the engines had cached, by their answers: in the log and in the metrics.
///
/// If an engine's answers lack this number, a warning and `freeinference status` name the flag that the engine needs.
@Suite struct CachedTokensTests {
    private static let words = (0..<1000).map { "word\($0)" }.joined(separator: " ")

    /// The path and the body of a request in each dialect.
    private static func requests(_ executor: String) -> [(path: String, body: String)] {
        func all(_ stream: Bool) -> [(path: String, body: String)] {
            let message = #""messages":[{"role":"user","content":"\#(words) \#(executor)"}]"#
            let common = #"{"model":"demo","max_tokens":2,"stream":\#(stream),"#
            return [
                ("/v1/chat/completions", common + message + "}"),
                ("/v1/completions", common + #""prompt":"\#(words) \#(executor)"}"#),
                ("/v1/messages", common + message + "}"),
                ("/v1/responses", #"{"model":"demo","stream":\#(stream),"input":"\#(words) \#(executor)"}"#),
            ]
        }
        return all(false) + all(true)
    }

    private func withCommands(_ arguments: [String], _ body: (Server, Executor) async throws -> Void) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withExecutor(arguments) { executor in
            // Unlike the executors of other tests, this one has health probes, by which the server finds its kind.
            var configuration = Configuration(models: "- {id: demo, executors: [{url: '\(executor.url)'}]}\n")
            configuration.commands = scratch.file("admin.sock")
            try await withServer(configuration) { try await body($0, executor) }
        }
    }

    /// In every dialect, the log has the number of cached tokens that the engine reports.
    ///
    /// The engine reports it in a JSON answer or in a stream, llama.cpp also in its member `timings`.
    @Test(arguments: ["vllm", "sglang", "llama.cpp"]) func everyDialectTellsThem(kind: String) async throws {
        let arguments = ["--cache-tokens", "100000", "--kind", kind]
        try await withServer(executor: arguments) { server, _ in
            for (number, request) in Self.requests(kind).enumerated() {
                for turn in 0..<2 {
                    let answer = try await server.curl(request.path, .http2, body: request.body)
                    #expect(answer.status == 200, "\(request.path): \(answer)")
                    let log = try await eventually("the log") {
                        server.log.count == number * 2 + turn + 1 ? server.log : nil
                    }
                    let (cached, prompt) = (log.last?.cached_tokens.int, log.last?.prompt_tokens.int)
                    #expect(prompt.map { $0 > 1000 } == true, "\(request.path): \(log.last!)")
                    if turn == 1 { #expect(cached.map { $0 > 900 } == true, "\(request.path): \(log.last!)") }
                }
            }
            try await expect(server.metrics()) {
                let name = "freeinference_prefix_tokens_total"
                let prompt = $0[name, ["model": "demo", "kind": "prompt"]] ?? 0
                let cached = $0[name, ["model": "demo", "kind": "cached"]] ?? 0
                return prompt > 16_000 && cached > 8_000 && cached < prompt
            }
        }
    }

    /// If an engine's answers never report cached tokens, `status` names the flag with which to start the engine.
    @Test(arguments: [("vllm", "--enable-prompt-tokens-details"), ("sglang", "--enable-cache-report")])
    func aMissingFlagIsNamed(kind: String, flag: String) async throws {
        let arguments = ["--cache-tokens", "100000", "--kind", kind, "--no-cached-tokens"]
        try await withCommands(arguments) { server, _ in
            _ = try await eventually("its kind") {
                server.process.errors.contains("its kind is \(kind), as it shows") ? true : nil
            }
            func status() async throws -> JSON {
                let said = try await server.command("status", "--json")
                return try JSON(parsing: said.output)
            }
            try await expect(status().models[0]) {
                $0.by_prompt.bool == true && $0.executors[0].missing_flag.isNull && $0.executors[0].kind.string == kind
            }
            for _ in 0..<10 {
                let answer = try await server.curl("/v1/chat/completions", body: chat(prompt: Self.words, tokens: 1))
                #expect(answer.status == 200)
            }
            try await expect(status().models[0].executors[0]) { $0.missing_flag.string == flag }
            let table = try await server.command("status")
            #expect(table.output.contains("start it with \(flag)"), "\(table.output)")
            _ = try await eventually("the warning") {
                server.process.errors.contains("warning: executor") && server.process.errors.contains(flag) ? true : nil
            }
            try await expect(server.metrics()) {
                ($0["freeinference_placements_total", ["model": "demo", "reason": "prefix"]] ?? 0) >= 8
                    && ($0["freeinference_prefix_tokens_total", ["model": "demo", "kind": "believed"]] ?? 0) > 1000
            }
        }
    }

    /// `freeinference status` shows the load and the cache size that an engine reports about itself.
    @Test(arguments: ["vllm", "sglang", "llama.cpp"]) func statusShowsWhatTheEngineSays(kind: String) async throws {
        let arguments = ["--cache-tokens", "65536", "--prefill-rate", "100000", "--kind", kind]
        try await withCommands(arguments) { server, executor in
            let connection = try await RawConnection(to: executor.address)
            defer { connection.close() }
            let body = chat(tokens: 100_000, more: #""simulator":{"pace":20}"#)
            // This stream goes to the engine directly, so only the engine itself can report it as running.
            try await connection.send(
                "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
            )
            _ = try await connection.receive(until: "emitted_ns")
            _ = try await eventually("the engine's words") {
                let said = try JSON(parsing: try await server.command("status", "--json").output)
                let engine = said.models[0].executors[0].engine
                guard kind == "llama.cpp" || engine.cache_tokens.int == 65536 else { return nil as Bool? }
                return engine.running.int == 1 && engine.waiting.int == 0 ? true : nil
            }
            let table = try await server.command("status").output
            #expect(table.contains("THE ENGINE SAYS") && table.contains("1 running, 0 waiting"), "\(table)")
        }
    }
}
