import Testing

/// Tests /v1/messages with the official Anthropic Python SDK as the client.
@Suite struct AnthropicSDKTests {
    @Test(arguments: [false, true])
    func streamsMessages(http2: Bool) async throws {
        try await withServer { server, executor in
            let streamed = try await server.anthropicSDK("stream", http2: http2)
            let whole = try await server.anthropicSDK("nonstream", http2: http2)
            #expect(streamed.first?.text == whole.first?.text)
            #expect(streamed.first?.http.string == (http2 ? "HTTP/2" : "HTTP/1.1"))
            #expect(streamed.first?.output_tokens.int == 8)
            try await executor.counter("finished", reaches: 2)
        }
    }

    @Test func countsTokens() async throws {
        try await withServer { server, _ in
            let seen = try await server.anthropicSDK("count", http2: true)
            #expect(
                seen.first?.input_tokens.int.map { $0 > 0 } == true,
                "\(String(describing: seen.first?.input_tokens.int))"
            )
        }
    }

    @Test(arguments: ["die_after:3", "end_early:3", "stall_after:3", "error_event:3"], [false, true])
    func aBrokenMessageRaises(fault: String, http2: Bool) async throws {
        try await withServer(settings: "timeouts: {stall: 3s}") { server, _ in
            let seen = try await server.anthropicSDK(
                "broken",
                http2: http2,
                arguments: ["--tokens", "100", "--extra", #"{"simulator":{"fault":"\#(fault)"}}"#]
            )
            #expect(seen.first?.events.int == 3)
            #expect(seen.first?.body.type.string == "error")
            #expect(seen.first?.body.error.type.string != nil)
        }
    }

    @Test func anUnknownModelIsItsNotFoundError() async throws {
        try await withServer { server, _ in
            let seen = try await server.anthropicSDK("unknown", http2: false)
            #expect(seen.first?.body.error.type.string == "not_found_error")
        }
    }
}
