import Testing

/// Engines crash, hang and return, and the server's own process is paused; health probes have their defaults.
@Suite struct LifeTests {
    private func configuration(_ urls: [String]) -> Configuration {
        let executors = urls.map { "{url: '\($0)'}" }.joined(separator: ", ")
        return Configuration(
            settings: "workers: 2",
            models: "- {id: demo, balance: round-robin, executors: [\(executors)]}"
        )
    }

    private func lines(_ server: Server, _ word: String) -> [Substring] {
        server.process.errors.split(separator: "\n").filter { $0.contains(" is \(word)") }
    }

    /// An engine that is stopped by SIGSTOP keeps its connections open, so only probes can detect it.
    @Test func aStoppedEngineIsNoticedWithinThirtySeconds() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withExecutor(["--prefill", "100s"]) { stopped in
            try await withExecutor { good in
                try await withServer(configuration([stopped.url, good.url])) { server in
                    let streaming = chat(tokens: 100_000, more: #""simulator":{"prefill_ms":1,"pace":20}"#)
                    let stream = try await server.streamingCurl(
                        "/v1/chat/completions",
                        .http1,
                        secure: false,
                        body: streaming,
                        in: scratch
                    )
                    _ = try await eventually("the stream") { stream.output.contains("data:") ? true : nil }
                    try await expect(server.curl("/v1/chat/completions", body: chat())) { $0.status == 200 }
                    // Round-robin sends the third request to the first executor, whose prefill takes 100 s.
                    let waiting = try await server.streamingCurl(body: chat(), in: scratch)
                    try await stopped.counter("running", reaches: 2)
                    stopped.process.signal(19)
                    try await expect(waiting.ending(within: .seconds(60))) { $0 == .exited(0) }
                    #expect(waiting.output.hasSuffix("data: [DONE]\n\n"))
                    try await expect(stream.ending()) { $0 != .exited(0) }
                    #expect(stream.output.contains(#""finish_reason":"error""#))
                    let log = try await server.settledLog()
                    let moved = log.first { $0.attempts.int == 2 }
                    #expect(moved?.end.string == "complete")
                    #expect(moved?.executor.string == good.url)
                    #expect(
                        log.contains { $0.end.string == "executor_broke_off" && $0.executor.string == stopped.url },
                        "\(log)"
                    )
                    #expect(lines(server, "down").count == 1)
                    stopped.process.signal(18)
                    _ = try await eventually("it is back", within: .seconds(60)) {
                        lines(server, "back").count == 1 ? true : nil
                    }
                }
            }
        }
    }

    /// If both executors are dead, the health page says so, and if they return, it says that they are healthy.
    @Test func allDeadIsShownAndSoIsTheReturn() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let addresses = (0..<2).map { _ in SocketAddress.loopback(port: Port.free()) }
        var executors: [Executor] = []
        for address in addresses { executors.append(try await Executor.start(at: address, in: scratch)) }
        let urls = executors.map(\.url)
        try await withServer(configuration(urls)) { server in
            try await expect(server.admin("/health/deep")) { $0.status == 200 }
            for executor in executors {
                executor.process.signal(9)
                _ = try await executor.process.ending()
            }
            for _ in 0..<12 { try await expect(server.curl("/v1/chat/completions", body: chat())) { $0.status >= 500 } }
            _ = try await eventually("/health/deep", within: .seconds(60)) { () async throws -> Bool? in
                try await server.admin("/health/deep").status == 503 ? true : nil
            }
            _ = try await eventually("both are down", within: .seconds(60)) {
                lines(server, "down").count == 2 ? true : nil
            }
            // Long enough for several health probes, and for the time after which a request may be sent as a trial.
            try await Task.sleep(for: .seconds(8))
            let deep = try await server.admin("/health/deep")
            let metrics = try await server.metrics()
            #expect(deep.status == 503)
            #expect(lines(server, "down").count == 2)
            for (place, url) in urls.enumerated() {
                try expect(deep.json.models[0].executors[place].usable.bool, is: false)
                #expect(metrics["freeinference_executor_usable", ["model": "demo", "executor": url]] == 0)
                #expect(
                    lines(server, "down").contains { $0.contains(url) && $0.contains(": ") },
                    "\(lines(server, "down"))"
                )
            }
            executors = []
            for address in addresses { executors.append(try await Executor.start(at: address, in: scratch)) }
            _ = try await eventually("all is well without a request", within: .seconds(60)) {
                () async throws -> Bool? in
                let deep = try await server.admin("/health/deep")
                let states = try (0..<2).map { try deep.json.models[0].executors[$0].state.string }
                return deep.status == 200 && states == ["healthy", "healthy"] ? true : nil
            }
            _ = try await eventually("one line each") { lines(server, "back").count == 2 ? true : nil }
            #expect(lines(server, "down").count == 2)
            for _ in 0..<4 { try await expect(server.curl("/v1/chat/completions", body: chat())) { $0.status == 200 } }
        }
        for executor in executors { try await executor.process.stop() }
    }

    /// The server cuts no stream after its own process and the executor were paused for longer than all timeouts.
    ///
    /// The test pauses them with SIGSTOP, as a container or a debugger may do.
    @Test func aPauseOfTheProcessCutsNothing() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let settings = "timeouts: {stall: 4s, client_stall: 4s, first_event: 4s, idle: 4s}"
        try await withServer(settings: settings) { server, executor in
            let body = chat(tokens: 20, more: #""simulator":{"prefill_ms":1,"pace":2}"#)
            var streams: [ChildProcess] = []
            for _ in 0..<4 { streams.append(try await server.streamingCurl(body: body, in: scratch)) }
            for stream in streams {
                _ = try await eventually("the stream") { stream.output.contains("data:") ? true : nil }
            }
            executor.process.signal(19)
            server.process.signal(19)
            try await Task.sleep(for: .seconds(9))
            server.process.signal(18)
            // The executor is still paused, so the server's overdue timers run before any bytes can arrive.
            try await Task.sleep(for: .milliseconds(500))
            executor.process.signal(18)
            for stream in streams {
                try await expect(stream.ending(within: .seconds(60))) { $0 == .exited(0) }
                #expect(stream.output.hasSuffix("data: [DONE]\n\n"))
            }
            let log = try await server.settledLog()
            #expect(log.count == 4)
            #expect(log.allSatisfy { $0.end.string == "complete" }, "\(log)")
            #expect(server.process.errors.contains("the process was paused"))
        }
    }
}
