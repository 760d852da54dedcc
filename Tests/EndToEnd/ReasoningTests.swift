import Testing

/// In chat responses, the reasoning text is in the JSON member that the model's setting `reasoning` names.
@Suite struct ReasoningTests {
    @Test(arguments: [
        ("reasoning", "reasoning_content", ["reasoning_content"]), ("reasoning_content", "reasoning", ["reasoning"]),
        ("reasoning", "both", ["reasoning", "reasoning_content"]), ("reasoning", "as-is", ["reasoning"]),
    ]) func clientsGetTheMemberThatTheyKnow(written: String, setting: String, members: [String]) async throws {
        try await withExecutor(["--reasoning-field", written, "--prefill", "1ms", "--pace", "0"]) { executor in
            let entry = "{url: '\(executor.url)', health: {interval: 0s}}"
            let models = "- {id: demo, reasoning: \(setting), executors: [\(entry)]}"
            try await withServer(Configuration(models: models)) { server in
                for speaking in [Protocol.http1, .http2] {
                    let whole = try await server.curl("/v1/chat/completions", speaking, body: chat(stream: false))
                    let message = try whole.json.choices[0].message
                    let found = ["reasoning", "reasoning_content"].filter { message[$0].string != nil }
                    #expect(whole.status == 200 && found == members, "\(whole.body)")
                    let texts = Set(members.compactMap { message[$0].string })
                    #expect(texts.count == 1 && texts.first?.isEmpty == false)
                    let stream = try await server.curl("/v1/chat/completions", speaking, body: chat())
                    let thoughts = eventData(stream.body).filter { $0.contains("\"reasoning") }
                    #expect(thoughts.count == 4, "half of eight tokens: \(stream.body)")
                    for thought in thoughts {
                        for name in ["reasoning", "reasoning_content"] {
                            #expect(thought.contains("\"\(name)\":") == members.contains(name), "\(thought)")
                        }
                    }
                    #expect(eventData(stream.body).last == "[DONE]")
                }
            }
        }
    }
}
