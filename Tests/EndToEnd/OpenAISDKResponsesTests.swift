import Testing

/// Tests the responses API with the official OpenAI SDK as the client.
@Suite struct OpenAISDKResponsesTests {
    @Test(arguments: [false, true])
    func streamsResponsesToTheirLastEvent(http2: Bool) async throws {
        try await withServer { server, executor in
            let seen = try await server.openAISDK("responses", http2: http2)
            #expect(seen.first?.output_tokens.int == 8)
            try await executor.counter("finished", reaches: 1)
            try await expect(executor.counters()) { $0.aborted.int == 0 }
        }
    }
}
