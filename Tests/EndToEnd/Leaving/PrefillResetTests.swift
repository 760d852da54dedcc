import Foundation
import Testing

/// Clients that give up requests in the prefill are refused for a while (`limits.prefill_resets`), and nobody else is.
///
/// The limit here is one such request a minute, so a client that gives up one request is refused for a minute.
@Suite struct PrefillResetTests {
    private static let settings = "limits: {prefill_resets: 1}"

    /// Sends a request, disconnects while the executor reads the prompt, and returns once the executor has seen the
    /// abort.
    private func giveUp(
        _ leaver: Leaver,
        at server: Server,
        _ executor: Executor,
        arguments: [String] = []
    ) async throws {
        let asked = Tongue.chat.request(simulator: #""prefill_ms":60000"#)
        _ = try await server.leave(leaver, until: "told", asked, arguments: arguments) {
            try await executor.counter("waiting", reaches: 1)
        }
        try await executor.counter("aborted", reaches: 1)
    }

    private func expectRefusal(_ answer: Answer, at server: Server) async throws {
        #expect(answer.status == 429)
        try expect(answer.json) { $0.error.code.string == "reset_limit" }
        expect(answer["retry-after"].flatMap { Int($0) }) { $0.map { 1...60 ~= $0 } == true }
        let line = try await server.logged("of the refusal") { $0.end.string == "reset_limit" }
        #expect(line.status.int == 429 && line.detail.string == "limits.prefill_resets")
        #expect(line.side.string == "client")
        try await expect(server.metrics()) {
            $0["freeinference_prefill_resets_total"] == 1
                && $0.sum("freeinference_exchanges_total", ["end": "reset_limit"]) >= 1
        }
    }

    @Test(arguments: Leaver.all)
    func anAddressIsRefusedAndNoOther(_ leaver: Leaver) async throws {
        try await withServer(settings: Self.settings) { server, executor in
            try await giveUp(leaver, at: server, executor)
            let speaking: Protocol = leaver.speaking == .http2 ? .http2 : .http1
            let refused = try await server.curl("/v1/chat/completions", speaking, body: chatOnce)
            try await expectRefusal(refused, at: server)
            let other = ["--interface", "127.0.0.2"]
            try await expect(server.curl("/v1/chat/completions", speaking, body: chatOnce, arguments: other)) {
                $0.status == 200
            }
            try await expect(server.curl("/v1/models", speaking)) { $0.status == 200 }
            let warning = "127.0.0.1 gave up 1 requests or more in a minute before their answers began"
            _ = try await eventually("a warning") { server.process.errors.contains(warning) ? true : nil }
        }
    }

    @Test(arguments: [Leaver(speaking: .http2, secure: true, how: "reset"), Leaver(speaking: .http1, how: "close")])
    func aKeyIsRefusedAndNotItsAddressAlsoAfterAReload(_ leaver: Leaver) async throws {
        try await withKeys(settings: Self.settings) { server, executor, store in
            let (key, other) = (try await store.create(), try await store.create(tenant: "other"))
            for made in [key, other] {
                _ = try await eventually("the key") {
                    try await server.chat(key: made.key).status == 200 ? true : nil
                }
            }
            try await giveUp(leaver, at: server, executor, arguments: ["--key", key.key])
            try await expectRefusal(server.chat(key: key.key), at: server)
            try await expect(server.chat(key: other.key)) { $0.status == 200 }
            let file = try String(contentsOfFile: server.file, encoding: .utf8)
            try (file + "max_connections: 5000\n").write(toFile: server.file, atomically: true, encoding: .utf8)
            server.process.signal(SIGHUP)
            _ = try await eventually("the reload") {
                try await server.metrics()["freeinference_configuration_reloads_total", ["result": "applied"]] == 1
                    ? true : nil
            }
            try await expect(server.chat(key: key.key)) { $0.status == 429 }
        }
    }

    /// A client that leaves after the first event of its answer is not counted as one that gave up a request.
    @Test(arguments: Leaver.all)
    func whoLeavesInTheAnswerPaysNothing(_ leaver: Leaver) async throws {
        try await withServer(settings: Self.settings) { server, executor in
            _ = try await server.leave(leaver, until: "tokens", Tongue.chat.request(tokens: 10_000))
            try await executor.counter("aborted", reaches: 1)
            try await expect(server.curl("/v1/chat/completions", body: chatOnce)) { $0.status == 200 }
            try await expect(server.metrics()) { $0["freeinference_prefill_resets_total"] == 0 }
        }
    }
}
