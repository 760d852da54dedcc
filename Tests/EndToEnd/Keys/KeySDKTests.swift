import Testing

/// Keys of the official SDKs: OpenAI's sends `authorization`, Anthropic's `x-api-key`.
@Suite struct KeySDKTests {
    @Test(arguments: [false, true])
    func theSDKsRaiseTheirOwnErrors(http2: Bool) async throws {
        try await withKeys { server, _, store in
            let good = try await store.create()
            let observer = try await store.create(["--role", "observer"])
            let slow = try await store.create(["--requests-per-minute", "1"])
            try await eventually("the keys") { try await server.chat(key: slow.key).status == 200 ? true : nil }
            for (key, raised, status) in [
                // This key must be tried first: its limit of one request a minute refuses it only until the minute
                // ends.
                (slow.key, "RateLimitError", 429), ("fi-unknown", "AuthenticationError", 401),
                (observer.key, "PermissionDeniedError", 403),
            ] {
                let openAI = try await server.openAISDK("refused", http2: http2, arguments: ["--api-key", key])
                #expect(openAI.first?.raised.string == raised)
                #expect(openAI.first?.status.int == status)
                #expect(openAI.first?.body.message.string != nil)
                let anthropic = try await server.anthropicSDK("refused", http2: http2, arguments: ["--api-key", key])
                #expect(anthropic.first?.raised.string == raised)
                #expect(anthropic.first?.status.int == status)
                #expect(anthropic.first?.body.type.string == "error")
            }
            let arguments = ["--api-key", good.key]
            try await expect(server.openAISDK("nonstream", http2: http2, arguments: arguments)) {
                $0.first?.text != nil
            }
            try await expect(server.anthropicSDK("stream", http2: http2, arguments: arguments)) {
                $0.first?.text != nil
            }
        }
    }
}
