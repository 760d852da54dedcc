import Testing

/// A flood ends its own connection with GOAWAY, and no other stream of the same worker is affected.
@Suite struct FloodTests {
    struct Flood: Sendable, CustomTestStringConvertible {
        let scenario: String
        var arguments: [String] = []
        var testDescription: String { ([scenario] + arguments).joined(separator: " ") }

        static let all = [
            Flood(scenario: "rapid_reset"), Flood(scenario: "made_you_reset"), Flood(scenario: "ping_flood"),
            Flood(scenario: "settings_flood"), Flood(scenario: "priority_flood"),
            Flood(scenario: "window_update_flood"), Flood(scenario: "empty_data"),
            Flood(scenario: "continuation_flood"),
        ]
    }

    /// Runs `body` beside two streams, which must continue during it and after it.
    private func besideAStream(
        _ body: (Server) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer(settings: "workers: 1") { server, executor in
            let tokens = 100_000
            let curl = try await server.streamingCurl(body: chat(tokens: tokens), in: scratch)
            let other = try await server.streamingCurl(
                "/v1/chat/completions",
                .http1,
                body: chat(tokens: tokens),
                in: scratch
            )
            _ = try await eventually("both streams") {
                curl.output.contains("data:") && other.output.contains("data:") ? true : nil
            }
            try await body(server)
            #expect(curl.isRunning)
            #expect(other.isRunning)
            // Both streams go on after the attack: each receives more events than the executor had sent on it before.
            let made = try #require(try await executor.counters().emitted.int) / 2
            for stream in [curl, other] {
                _ = try await eventually("the streams to go on") {
                    eventData(stream.output).count > made + 5 ? true : nil
                }
                #expect(!stream.output.contains("error"))
            }
            try await curl.stop()
            try await other.stop()
            try await executor.counter("aborted", reaches: 2)
        }
    }

    @Test(arguments: Flood.all, [true, false])
    func aFloodEndsItsOwnConnection(_ flood: Flood, secure: Bool) async throws {
        try await besideAStream { server in
            let seen = try await server.rawHTTP2(flood.scenario, secure: secure, arguments: flood.arguments)
            let end = try #require(seen.first)
            #expect(end.ended.bool == true)
            #expect(end.goaway.int.map { $0 > 0 } == true, "\(end)")
            #expect(seen.last?.served_after.bool == true)
        }
    }

    @Test(arguments: [["--count", "2000", "--value", "1"], ["--count", "100", "--value", "8000"]])
    func aHeaderBombIsRefused(arguments: [String]) async throws {
        try await besideAStream { server in
            let before = server.process.memory() ?? 0
            let seen = try await server.rawHTTP2("header_bomb", arguments: arguments)
            #expect(seen.last?.served_after.bool == true)
            // The server counts the decoded bytes before it stores them, so its memory hardly grows.
            #expect((server.process.memory() ?? .max) - before < 16 << 10)
        }
    }
}
