import Testing

/// Conversations with two executors that cache prompts, for each way (`balance`) in which a pool chooses executors.
@Suite struct PrefixRoutingTests {
    /// Sends the requests of eight conversations: the next request of each conversation, six times.
    ///
    /// - Returns: the part of all prompt tokens that the executors had in their caches, by their own count, and the
    /// log.
    private func converse(
        _ model: String,
        executor: String = ", health: {interval: 0s}",
        _ simulator: [String] = []
    ) async throws -> (cached: Double, log: [JSON]) {
        let arguments = ["--cache-tokens", "200000", "--prefill-rate", "100000"] + simulator
        return try await withExecutor(arguments) { one in
            try await withExecutor(arguments) { two in
                let models = """
                    - id: demo
                      \(model)
                      executors:
                        - {url: '\(one.url)'\(executor)}
                        - {url: '\(two.url)'\(executor)}

                    """
                return try await withServer(Configuration(models: models)) { server in
                    if !simulator.isEmpty { try await found(simulator, in: server) }
                    var texts = (0..<8).map { "conversation \($0) " }
                    for turn in 0..<6 {
                        // The order of the conversations changes. With a fixed order, plain round-robin would also send
                        // each conversation to the executor that has it cached.
                        for index in Self.order(turn) {
                            texts[index] += (0..<800).map { "word\(index)-\(turn)-\($0) " }.joined()
                            let body = chat(prompt: texts[index], tokens: 2)
                            let answer = try await server.curl("/v1/chat/completions", .http2, body: body)
                            try #require(answer.status == 200, "\(answer)")
                        }
                    }
                    let log = try await eventually("the log") { server.log.count == 48 ? server.log : nil }
                    let cached = log.reduce(0) { $0 + ($1.cached_tokens.int ?? 0) }
                    let all = log.reduce(0) { $0 + ($1.prompt_tokens.int ?? 0) }
                    return (Double(cached) / Double(max(all, 1)), log)
                }
            }
        }
    }

    /// Each request of a conversation but the first goes to the executor of the request before, which has it cached.
    @Test func conversationsStayWhereTheyAreCached() async throws {
        let (cached, log) = try await converse("balance: prefix")
        let (blind, blindLog) = try await converse("balance: least-load")
        #expect(cached > 0.6 && cached > blind + 0.1, "\(cached) with prefix, \(blind) with least-load")
        let reasons = log.map { $0.routed_by.string }
        #expect(reasons.count { $0 == "load" } == 8 && reasons.count { $0 == "prefix" } == 40, "\(reasons)")
        #expect(log.last?.held_bytes.int.map { $0 > 8192 } == true)
        #expect(blindLog.allSatisfy { $0.routed_by.isNull && $0.held_bytes.isNull })
        for conversation in 0..<8 {
            // The first eight log lines are the first requests of the eight conversations. Each later request of a
            // conversation must have the same executor as the first one.
            let first = log[conversation].executor.string
            for turn in 1..<6 {
                let place = try #require(Self.order(turn).firstIndex(of: conversation))
                #expect(log[turn * 8 + place].executor.string == first)
            }
        }
    }

    /// Without `balance`, a pool of engines with prefix caches chooses by prompt, and another pool by load.
    ///
    /// The kind of an engine is given by the configuration, or is found by health probes.
    @Test(arguments: [
        (", kind: vllm, health: {interval: 0s}", [], true), ("", ["--kind", "llama.cpp"], true),
        ("", ["--kind", "ollama"], false), (", health: {interval: 0s}", [], false),
    ]) func autoIsByTheKindOfTheEngines(executor: String, simulator: [String], isByPrompt: Bool) async throws {
        let (_, log) = try await converse("", executor: executor, simulator)
        let reasons = log.map { $0.routed_by.string }
        if isByPrompt {
            #expect(reasons.count { $0 == "load" } == 8 && reasons.count { $0 == "prefix" } == 40, "\(reasons)")
        } else {
            #expect(reasons.allSatisfy { $0 == nil })
        }
    }

    /// Waits until health probes have found the kind (vLLM, SGLang, others) of both engines.
    private func found(_ simulator: [String], in server: Server) async throws {
        _ = try await eventually("the kinds") {
            let text = "its kind is \(simulator[1]), as it shows"
            return server.process.errors.split(separator: "\n").count { $0.contains(text) } == 2 ? true : nil
        }
    }

    /// The order in which the conversations send their requests in this round.
    private static func order(_ turn: Int) -> [Int] {
        turn.isMultiple(of: 2) ? [0, 1, 2, 3, 4, 5, 6, 7] : [3, 0, 6, 1, 7, 2, 5, 4]
    }
}
