import Testing

/// Executors fail under load in several ways.
///
/// A request may fail only if the client has received its first event.
@Suite struct StormTests {
    private func configuration(_ urls: [String], settings: String = "") -> Configuration {
        let executors = urls.map { "{url: '\($0)', health: {interval: 0s}}" }.joined(separator: ", ")
        return Configuration(
            settings: "workers: 1\n" + settings,
            models: "- {id: demo, balance: round-robin, executors: [\(executors)]}"
        )
    }

    private func h2load(
        _ server: Server,
        _ options: [String],
        tokens: Int,
        in scratch: Scratch
    ) async throws -> ChildProcess {
        let body = try scratch.write(chat(tokens: tokens), to: "body.json")
        let load = options + ["-d", body, "-H", "content-type: application/json"]
        return try await ChildProcess.start("h2load", load + [server.tls + "/v1/chat/completions"], in: scratch)
    }

    /// Waits until every executor completes requests again: up to 40 s, because a repeated ejection may last that long.
    private func expectAllServe(_ executors: [Executor]) async throws {
        var before: [Int] = []
        for executor in executors { before.append(try await executor.counters().finished.int ?? 0) }
        _ = try await eventually("all are back in rotation", within: .seconds(40)) { () async throws -> Bool? in
            for (index, executor) in executors.enumerated() {
                guard (try await executor.counters().finished.int ?? 0) > before[index] else { return nil }
            }
            return true
        }
    }

    /// Three executors and 300 streams; for a minute one executor is killed or stopped every few seconds.
    @Test func killedAndStopped() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let addresses = (0..<3).map { _ in SocketAddress.loopback(port: Port.free()) }
        let options = ["--prefill", "100ms", "--pace", "50"]
        var executors: [Executor] = []
        for address in addresses { executors.append(try await Executor.start(options, at: address, in: scratch)) }
        let settings = "timeouts: {first_event: 4s, stall: 4s}"
        try await withServer(configuration(executors.map(\.url), settings: settings)) { server in
            let client = try await h2load(server, ["-D", "100", "-c", "6", "-m", "50"], tokens: 60, in: scratch)
            let start = ContinuousClock.now
            var round = 0
            while ContinuousClock.now - start < .seconds(60) || round < 10 {
                try await Task.sleep(for: .milliseconds(1500))
                let victim = round % 3
                if round % 2 == 0 {
                    executors[victim].process.signal(9)
                    _ = try await executors[victim].process.ending()
                    try await Task.sleep(for: .milliseconds(1500))
                    executors[victim] = try await Executor.start(options, at: addresses[victim], in: scratch)
                } else {
                    executors[victim].process.signal(19)
                    try await Task.sleep(for: .milliseconds(5000))
                    executors[victim].process.signal(18)
                }
                round += 1
            }
            // All executors have recovered and serve their share again.
            try await Task.sleep(for: .seconds(1))
            try await expectAllServe(executors)
            try await expect(client.ending(within: .seconds(120)), "h2load ends by itself: nothing hangs") {
                $0 == .exited(0)
            }
            _ = try await eventually("none is left over") {
                try await server.metrics().sum("freeinference_exchanges_in_flight") == 0 ? true : nil
            }
            let lines = try await server.settledLog()
            expectNoneLost(lines)
            #expect(lines.count { $0.end.string == "complete" } > 1000, "\(lines)")
            #expect(lines.contains { ($0.attempts.int ?? 0) > 1 }, "\(lines)")
        }
        for executor in executors { try await executor.process.stop() }
    }

    /// An executor that keeps failing and recovering is tried again and again, and no request fails because of it.
    @Test func flapping() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let address = SocketAddress.loopback(port: Port.free())
        let options = ["--prefill", "10ms", "--pace", "500"]
        try await withExecutor(options) { steady in
            var flapping = try await Executor.start(options, at: address, in: scratch)
            try await withServer(configuration([flapping.url, steady.url])) { server in
                let client = try await h2load(server, ["-D", "300", "-c", "2", "-m", "5"], tokens: 20, in: scratch)
                for _ in 0..<8 {
                    try await Task.sleep(for: .milliseconds(500))
                    flapping.process.signal(9)
                    _ = try await flapping.process.ending()
                    try await Task.sleep(for: .milliseconds(500))
                    flapping = try await Executor.start(options, at: address, in: scratch)
                }
                try await expectAllServe([flapping, steady])
                try await client.stop()
                let lines = try await server.settledLog()
                expectNoneLost(lines)
                let failed = lines.flatMap { $0.failed_attempts.array }
                #expect(!failed.isEmpty)
                #expect(failed.allSatisfy { $0.executor.string == flapping.url }, "\(failed)")
            }
            try await flapping.process.stop()
        }
    }

    /// The executor has no free descriptor: its kernel completes connections, but the executor never accepts them.
    @Test func outOfDescriptors() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let port = Port.free()
        let executor = try await ChildProcess.start(
            "prlimit",
            ["--nofile=24:24", Repository.binary, "executor", "--listen", "127.0.0.1:\(port)"],
            in: scratch
        )
        let url = "http://127.0.0.1:\(port)"
        _ = try await eventually("the executor") { try? await RawConnection(port: port) }
        try await withExecutor(["--prefill", "1ms"]) { good in
            let settings = "timeouts: {first_event: 2s}"
            try await withServer(configuration([url, good.url], settings: settings)) { server in
                var crowd: [RawConnection] = []
                for _ in 0..<32 { crowd.append(try await RawConnection(port: port)) }
                for _ in 0..<10 {
                    let answer = try await server.curl("/v1/chat/completions", body: chat(tokens: 3))
                    #expect(answer.status == 200)
                    #expect(eventData(answer.body).last == "[DONE]")
                }
                let failed = try await server.settledLog().flatMap { $0.failed_attempts.array }
                // Three failures in a row eject the executor. Afterwards single requests try whether it has recovered,
                // and up to two of them may fall into this loop.
                #expect((3...5).contains(failed.count), "\(failed.count)")
                #expect(
                    failed.allSatisfy { $0.executor.string == url && $0.end.string == "first_event_timeout" },
                    "\(failed)"
                )
                for connection in crowd { connection.close() }
                _ = try await eventually("it serves again", within: .seconds(60)) { () async throws -> Bool? in
                    _ = try await server.curl("/v1/chat/completions", body: chat(tokens: 1))
                    return try await server.settledLog().last?.executor.string == url ? true : nil
                }
                expectNoneLost(try await server.settledLog())
            }
        }
        try await executor.stop()
    }
}
