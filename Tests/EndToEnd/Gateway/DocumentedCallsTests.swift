import Testing

/// Tests the calls that FreeInference's deployment page documents: `/health`, `/v1/models`, and a chat with two models.
///
/// No key is needed, and the ids of the models begin with a slash.
@Suite struct DocumentedCallsTests {
    static let ids = ["/models/Qwen_Qwen3-Coder-480B-A35B-Instruct-FP8", "/models/meta-llama_Llama-4-Scout-17B-16E"]

    private func withBothModels(_ body: (Server) async throws -> Void) async throws {
        try await withExecutor(["--model", Self.ids[0], "--model", Self.ids[1]]) { executor in
            let models = Self.ids.map { "- id: \($0)\n  executors: [{url: '\(executor.url)'}]\n" }.joined()
            try await withServer(Configuration(models: models)) { try await body($0) }
        }
    }

    @Test(arguments: [false, true]) func healthAndModels(secure: Bool) async throws {
        try await withBothModels { server in
            let health = try await server.curl("/health", secure: secure)
            #expect(health.status == 200)
            try expect(health.json) { $0.status.string == "ok" }
            let list = try await server.curl("/v1/models", secure: secure)
            #expect(list.status == 200)
            try expect(list.json) { $0.object.string == "list" }
            try expect(list.json.data.array.map(\.id.string), is: Self.ids)
            for id in Self.ids {
                let one = try await server.curl("/v1/models/\(id)", secure: secure)
                try expect(one.json.id.string, is: id)
            }
        }
    }

    @Test(arguments: [false, true], Self.ids) func chats(secure: Bool, id: String) async throws {
        try await withBothModels { server in
            func ask(stream: Bool) async throws -> Answer {
                let messages = #"[{"role":"user","content":"Hello, who are you?"}]"#
                let body = #"{"model":"\#(id)","messages":\#(messages),"max_tokens":8,"stream":\#(stream)}"#
                return try await server.curl("/v1/chat/completions", secure: secure, body: body)
            }
            let whole = try await ask(stream: false)
            #expect(whole.status == 200)
            #expect(whole.exitCode == 0)
            let text = try whole.json.choices[0].message.content.string
            #expect(text?.isEmpty == false, "\(String(describing: text))")
            try expect(whole.json) { $0.usage.completion_tokens.int == 8 }

            let streamed = try await ask(stream: true)
            #expect(streamed.status == 200)
            #expect(streamed.exitCode == 0)
            #expect(streamed["content-type"] == "text/event-stream; charset=utf-8")
            let data = eventData(streamed.body)
            #expect(data.last == "[DONE]")
            let pieces = try data.dropLast().compactMap { try JSON(parsing: $0).choices[0].delta.content.string }
            #expect(pieces.joined() == text)
        }
    }
}
