import Testing

/// The SDK must never take a stream for complete that its executor broke.
@Suite struct OpenAISDKBrokenStreamTests {
    struct Break: Sendable, CustomTestStringConvertible {
        let fault: String
        /// Text that the SDK's error must contain.
        let says: String
        var testDescription: String { fault }

        static let all = [
            Break(fault: "die_after:3", says: "broke off"), Break(fault: "end_early:3", says: "broke off"),
            Break(fault: "cut_inside:3", says: "broke off"), Break(fault: "reset_after:3", says: "broke off"),
            Break(fault: "error_event:3", says: ""), Break(fault: "stall_after:3", says: "stopped in the midst"),
        ]
    }

    @Test(arguments: Break.all, [false, true])
    func aBrokenChatStreamRaises(_ cause: Break, http2: Bool) async throws {
        try await withServer(settings: "timeouts: {stall: 3s}") { server, _ in
            let seen = try await server.openAISDK("broken", http2: http2, arguments: Self.asking(for: cause))
            #expect(seen.first?.events.int == 3)
            #expect(seen.first?.raised.string == "APIError")
            #expect(
                seen.first?.message.string?.contains(cause.says) == true,
                "\(String(describing: seen.first?.message.string))"
            )
        }
    }

    @Test(arguments: Break.all)
    func aBrokenResponsesStreamFails(_ cause: Break) async throws {
        try await withServer(settings: "timeouts: {stall: 3s}") { server, _ in
            let seen = try await server.openAISDK("brokenresponses", http2: true, arguments: Self.asking(for: cause))
            #expect(seen.first?.raised.string != nil)
            #expect(seen.first?.kinds.array.last?.string != "response.completed")
        }
    }

    private static func asking(for cause: Break) -> [String] {
        ["--extra", #"{"simulator":{"fault":"\#(cause.fault)"}}"#, "--tokens", "100"]
    }
}
