import Testing

/// h2load with many connections and streams: every request succeeds.
@Suite struct H2loadTests {
    @Test(arguments: [true, false], [true, false])
    func everyStreamSucceeds(secure: Bool, http1: Bool) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer(executor: ["--pace", "0", "--prefill", "1ms"]) { server, executor in
            let body = try scratch.write(chat(tokens: 20), to: "body.json")
            let url = (secure ? server.tls : server.clear) + "/v1/chat/completions"
            let load = ["-n", "1000", "-c", "20", "-m", "10", "-d", body, "-H", "content-type: application/json"]
            let seen = try await run("h2load", load + (http1 ? ["--h1"] : []) + [url], within: .seconds(300))
            #expect(seen.output.contains("Application protocol: \(http1 ? "http/1.1" : secure ? "h2" : "h2c")"))
            #expect(seen.output.contains(" 1000 done, 1000 succeeded, 0 failed, 0 errored, 0 timeout"))
            #expect(seen.output.contains("status codes: 1000 2xx, 0 3xx, 0 4xx, 0 5xx"))
            try await executor.counter("finished", reaches: 1000)
            try await expect(executor.counters()) { $0.aborted.int == 0 }
        }
    }

    @Test(arguments: [true, false], [true, false])
    func everyShortRequestSucceeds(secure: Bool, http1: Bool) async throws {
        try await withServer { server, _ in
            let url = (secure ? server.tls : server.clear) + "/v1/models"
            let load = ["-n", "5000", "-c", "50", "-m", "10"]
            let seen = try await run("h2load", load + (http1 ? ["--h1"] : []) + [url], within: .seconds(300))
            #expect(seen.output.contains(" 5000 done, 5000 succeeded, 0 failed, 0 errored, 0 timeout"))
        }
    }
}
