import Testing

/// Tests that requests of a dialect go only to executors that support it.
///
/// The configuration says what an executor supports, or the edge learns it from a 404 for a dialect's path.
@Suite struct DialectTests {
    private static let message = #"{"model":"demo","max_tokens":2,"messages":[{"role":"user","content":"x"}]}"#
    private static let quick = ["--prefill", "1ms", "--pace", "0"]

    private func configuration(_ executors: [String], model: String = "") -> Configuration {
        let items = executors.map { "{\($0), health: {interval: 0s}}" }.joined(separator: ", ")
        return Configuration(models: "- {id: demo, balance: round-robin\(model), executors: [\(items)]}")
    }

    @Test func whatOneExecutorLacksGoesToTheOther() async throws {
        try await withExecutor(Self.quick + ["--dialects", "chat"]) { chats in
            try await withExecutor(Self.quick) { all in
                try await withServer(configuration(["url: '\(chats.url)'", "url: '\(all.url)'"])) { server in
                    for _ in 0..<6 {
                        try await expect(server.curl("/v1/messages", body: Self.message)) { $0.status == 200 }
                        try await expect(server.curl("/v1/chat/completions", body: chat(tokens: 1))) {
                            $0.status == 200
                        }
                    }
                    let lines = try await server.settledLog().filter { $0.path.string == "/v1/messages" }
                    #expect(lines.count == 6 && lines.allSatisfy { $0.executor.string == all.url })
                    #expect(lines.filter { $0.attempts.int == 2 }.count <= 1, "\(lines)")
                    // The executor `all` gets all six messages requests. So at least half of the six chats go to the
                    // executor `chats`.
                    try await expect(chats.counters()) { ($0.finished.int ?? 0) >= 3 }
                }
            }
        }
    }

    @Test func whatTheConfigurationSaysIsNotTried() async throws {
        try await withExecutor(Self.quick + ["--dialects", "chat,embeddings"]) { executor in
            let models = ["url: '\(executor.url)', dialects: [chat, embeddings]"]
            try await withServer(configuration(models)) { server in
                let before = try #require(try await executor.counters().requests.int)
                let anthropic = try await server.curl("/v1/messages", body: Self.message)
                #expect(anthropic.status == 404)
                #expect(try anthropic.json.error.type.string == "not_found_error")
                let text = "No executor of the model 'demo' serves the dialect 'messages' (/v1/messages)."
                #expect(try anthropic.json.error.message.string == text)
                let openAI = try await server.curl("/v1/responses", body: #"{"model":"demo","input":"x"}"#)
                #expect(openAI.status == 404)
                #expect(try openAI.json.error.code.string == "not_found")
                try await expect(executor.counters().requests.int, is: before)
                try await expect(server.curl("/v1/chat/completions", body: chat(tokens: 1))) { $0.status == 200 }
            }
        }
    }

    @Test func a404IsRememberedAndNotAskedForAgain() async throws {
        try await withExecutor(Self.quick + ["--dialects", "chat"]) { executor in
            try await withServer(configuration(["url: '\(executor.url)'"])) { server in
                for _ in 0..<3 {
                    let answer = try await server.curl("/v1/messages", body: Self.message)
                    #expect(answer.status == 404)
                    #expect(answer.body.contains("serves the dialect 'messages'"), "\(answer.body)")
                }
                let attempts = try await server.settledLog().map { $0.attempts.int ?? 0 }
                #expect(attempts == [1, 0, 0])
                try await expect(server.curl("/v1/chat/completions", body: chat(tokens: 1))) { $0.status == 200 }
            }
        }
    }
}
