import Testing

/// In a burst, TLS handshakes wait while the server has streams under way, but each handshake is completed.
@Suite struct HandshakeTests {
    @Test func aBurstWaitsForAStreamAndIsServed() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer(settings: "workers: 1") { server, _ in
            let stream = try await server.streamingCurl(body: chat(tokens: 300), in: scratch)
            _ = try await eventually("the stream") { stream.output.contains("data:") ? true : nil }
            let seen = try await server.handshakes(connections: 200)
            #expect(seen.last?.served.int == 200)
            let metrics = try await server.metrics()
            #expect(metrics.sum("freeinference_handshakes_held_total") > 0)
            #expect(metrics.sum("freeinference_handshakes_waiting") == 0)
            #expect(metrics.sum("freeinference_handshake_failures_total") == 0)
            _ = try await eventually("the end of the stream") {
                stream.output.contains("data: [DONE]") ? true : nil
            }
            #expect(!stream.output.contains("error"))
        }
    }

    @Test func withoutAStreamNoneWaits() async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"], settings: "workers: 1")) { server in
            let seen = try await server.handshakes(connections: 100)
            #expect(seen.last?.served.int == 100)
            try await expect(server.metrics()) { $0.sum("freeinference_handshakes_held_total") == 0 }
        }
    }
}
