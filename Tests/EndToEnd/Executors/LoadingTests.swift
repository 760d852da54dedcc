import Foundation
import Testing

/// Requests for a model that is being loaded wait for it, in place of a 503.
@Suite struct LoadingTests {
    private func configuration(_ executor: String, kind: String = "llama.cpp", probed: Bool, settings: String = "")
        -> Configuration
    {
        let health = probed ? "health: {interval: 100ms}" : "health: {interval: 0s}"
        return Configuration(
            settings: settings,
            models: "- {id: demo, executors: [{url: '\(executor)', kind: \(kind), \(health)}]}"
        )
    }

    @Test(arguments: [true, false], [true, false])
    func aRequestWaitsUntilTheModelIsLoaded(stream: Bool, probed: Bool) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let loaded = scratch.file("loaded")
        try await withExecutor(["--loading-until", loaded]) { executor in
            try await withServer(configuration(executor.url, probed: probed)) { server in
                async let waiting = server.curl("/v1/chat/completions", body: chat(stream: stream, tokens: 3))
                _ = try await eventually("it waits") {
                    try await server.metrics()["freeinference_queue_length", ["model": "demo"]] == 1 ? true : nil
                }
                try Data().write(to: URL(filePath: loaded))
                let answer = try await waiting
                #expect(answer.status == 200, "\(answer.body)")
                if stream { #expect(eventData(answer.body).last == "[DONE]") }
                let line = try #require(try await server.settledLog().last)
                #expect(line.end.string == "complete" && (line.queue_ms.double ?? 0) > 0, "\(line)")
                try await expect(executor.counters().finished.int, is: 1)
            }
        }
    }

    @Test func aStreamIsKeptAliveMeanwhile() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let loaded = scratch.file("loaded")
        let settings = "commit_after: 200ms\nkeep_alive: 250ms\nadmission: {max_wait: 100ms}"
        try await withExecutor(["--loading-until", loaded]) { executor in
            try await withServer(configuration(executor.url, probed: true, settings: settings)) { server in
                async let waiting = server.curl("/v1/chat/completions", body: chat(stream: true, tokens: 3))
                _ = try await eventually("it has its head") {
                    let phase = ["phase": "silence"]
                    return try await server.metrics()["freeinference_exchanges_in_flight", phase] == 1 ? true : nil
                }
                try Data().write(to: URL(filePath: loaded))
                let answer = try await waiting
                #expect(answer.status == 200 && answer.body.hasPrefix(": keep-alive\n\n"), "\(answer.body)")
                #expect(eventData(answer.body).last == "[DONE]")
            }
        }
    }

    @Test func theWaitEndsWith503() async throws {
        try await withExecutor(["--loading", "60m"]) { executor in
            let settings = "timeouts: {load_wait: 300ms}"
            try await withServer(configuration(executor.url, probed: true, settings: settings)) { server in
                let answer = try await server.curl("/v1/chat/completions", body: chat(stream: true))
                #expect(answer.status == 503 && answer.body.contains("The model is still being loaded."))
                try await expect(server.settledLog().last?.end.string, is: "no_executor")
            }
        }
    }

    /// vLLM accepts no connections before it has loaded its model.
    @Test func aVLLMThatStartsIsWaitedFor() async throws {
        let port = Port.free()
        let configuration = configuration("http://127.0.0.1:\(port)", kind: "vllm", probed: true)
        try await withServer(configuration) { server in
            let waiting = Task { try await server.curl("/v1/chat/completions", body: chat(stream: true, tokens: 3)) }
            _ = try await eventually("it waits") {
                try await server.metrics()["freeinference_queue_length", ["model": "demo"]] == 1 ? true : nil
            }
            try await withExecutor(at: .loopback(port: port)) { executor in
                let answer = try await waiting.value
                #expect(answer.status == 200 && eventData(answer.body).last == "[DONE]", "\(answer.body)")
                try await expect(executor.counters().finished.int, is: 1)
            }
        }
    }
}
