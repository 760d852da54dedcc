import Testing

/// An exchange may move to another executor until its first event is passed on, never after that.
@Suite struct FailoverTests {
    /// A configuration with the model `demo` at these executors, balanced by round-robin.
    private func configuration(_ urls: [String], settings: String = "") -> Configuration {
        let executors = urls.map { "{url: '\($0)', health: {interval: 0s}}" }.joined(separator: ", ")
        return Configuration(
            settings: settings.isEmpty ? "workers: 1" : "workers: 1\n" + settings,
            models: "- {id: demo, balance: round-robin, executors: [\(executors)]}"
        )
    }

    /// Arguments for quick responses, so that a test ends before an ejected executor gets many trial requests.
    ///
    /// The first ejection lasts 3 s, the second one 6 s.
    private static let quick = ["--prefill", "1ms", "--pace", "0"]

    @Test(arguments: [true, false]) func aDeadExecutorIsPassedOverAndThenLeftOut(stream: Bool) async throws {
        try await withExecutor(Self.quick) { executor in
            let dead = "http://127.0.0.1:\(Port.free())"
            try await withServer(configuration([dead, executor.url])) { server in
                for _ in 0..<12 {
                    let answer = try await server.curl("/v1/chat/completions", body: chat(stream: stream))
                    #expect(answer.status == 200)
                    #expect(answer.exitCode == 0)
                }
                let lines = try await server.settledLog()
                #expect(lines.count == 12)
                #expect(lines.allSatisfy { $0.end.string == "complete" }, "\(lines)")
                let retried = lines.filter { $0.attempts.int == 2 }
                // After three faults in a row the executor is ejected. It may then get up to two trial requests
                // while the test runs.
                #expect((3...5).contains(retried.count), "\(retried.count)")
                #expect(retried.allSatisfy { $0.executor.string == executor.url }, "\(retried)")
                #expect(retried[0].failed_attempts[0].executor.string == dead)
                #expect(retried[0].failed_attempts[0].end.string == "executor_unreachable")
                #expect(retried[0].failed_attempts[0].detail.string == "connect: Connection refused")
            }
        }
    }

    @Test(arguments: [
        ("status:502", true), ("status:503", true), ("status:504", true), ("status:429", true), ("status:401", true),
        ("status:500", true), ("close_before_head", true), ("garbage_head", true), ("error_event:0", true),
        ("status:302", true), ("status:204", true), ("status:404", false), ("status:501", false), ("status:408", false),
        ("status:400", false), ("status:422", false),
    ]) func whatAnotherExecutorMayMendGoesToIt(fault: String, moves: Bool) async throws {
        try await withExecutor { good in
            try await withExecutor(["--fault", fault]) { bad in
                try await withServer(configuration([bad.url, good.url])) { server in
                    let answer = try await server.curl("/v1/chat/completions", body: chat())
                    let line = try await server.logged(fault) { $0.request_id.string == answer["x-request-id"] }
                    #expect(line.attempts.int == (moves ? 2 : 1))
                    #expect((answer.status == 200) == moves)
                    if moves { #expect(eventData(answer.body).last == "[DONE]") }
                    try await expect(good.counters().finished.int, is: (moves ? 1 : 0))
                }
            }
        }
    }

    /// An engine answers its health check with success but each request with 500, as vLLM does during its shutdown.
    @Test func anEngineThatAnswersOnly500CostsNobodyAnything() async throws {
        try await withExecutor(Self.quick) { good in
            try await withExecutor(["--fault", "status:500"]) { draining in
                try await withServer(configuration([draining.url, good.url])) { server in
                    for _ in 0..<12 {
                        try await expect(server.curl("/v1/chat/completions", body: chat())) { $0.status == 200 }
                    }
                    let retried = try await server.settledLog().filter { $0.attempts.int == 2 }
                    // A 500 counts as a fault of the executor if another executor can answer the same request. After
                    // three in a row the executor is ejected.
                    #expect((3...5).contains(retried.count), "\(retried.count)")
                }
            }
        }
    }

    @Test func whatGets500EverywhereEjectsNobody() async throws {
        try await withExecutor { one in
            try await withExecutor { two in
                try await withServer(configuration([one.url, two.url])) { server in
                    for _ in 0..<6 {
                        let bad = chat(more: #""simulator":{"fault":"status:500"}"#)
                        try await expect(server.curl("/v1/chat/completions", body: bad)) { $0.status == 500 }
                    }
                    let lines = try await server.settledLog()
                    #expect(lines.allSatisfy { $0.attempts.int == 2 }, "\(lines)")
                    for _ in 0..<4 {
                        try await expect(server.curl("/v1/chat/completions", body: chat())) { $0.status == 200 }
                    }
                    for executor in [one, two] {
                        try await expect(executor.counters(), "both are used as before") { $0.finished.int == 2 }
                    }
                }
            }
        }
    }

    @Test func aRedirectToTheEngineItselfIsFollowedOnce() async throws {
        let executor = try HandMadeExecutor()
        try await withServer(configuration([executor.url])) { server in
            async let answering = server.curl("/v1/chat/completions", body: chat(stream: false, prompt: "kept"))
            let first = try await executor.accept()
            let asked = try await first.receiveRequest()
            let path = executor.url + "/v1/chat/completions/"
            try await first.send("HTTP/1.1 307 Temporary Redirect\r\nlocation: \(path)\r\ncontent-length: 0\r\n\r\n")
            let second = try await executor.accept()
            let again = try await second.receiveRequest()
            #expect(again.line == "POST /v1/chat/completions/ HTTP/1.1")
            #expect(again.body == asked.body)
            try await second.answer(#"{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}]}"#)
            let answer = try await answering
            #expect(answer.status == 200)
            first.close()
            second.close()
        }
    }

    @Test func anExecutorThatSaysNothingIsLeftForAnother() async throws {
        try await withExecutor { good in
            try await withExecutor(["--fault", "no_answer"]) { silent in
                let settings =
                    "timeouts: {first_event: 4s}\ncommit_after: 200ms\nkeep_alive: 50ms\nadmission: {max_wait: 100ms}"
                try await withServer(configuration([silent.url, good.url], settings: settings)) { server in
                    // The client gets the head and comments while the first executor is silent. The exchange may still
                    // change to another executor, because no event has been sent yet.
                    let answer = try await server.curl("/v1/chat/completions", body: chat())
                    #expect(answer.status == 200)
                    #expect(answer.body.hasPrefix(": keep-alive"))
                    #expect(eventData(answer.body).last == "[DONE]")
                    #expect(answer.exitCode == 0)
                    try await silent.counter("aborted", reaches: 1)
                }
            }
        }
    }

    @Test func nothingMovesAfterTheFirstEvent() async throws {
        try await withExecutor { good in
            try await withExecutor(["--fault", "die_after:1"]) { bad in
                try await withServer(configuration([bad.url, good.url])) { server in
                    let answer = try await server.curl("/v1/chat/completions", .http1, body: chat())
                    #expect(answer.status == 200)
                    #expect(answer.exitCode == 18)
                    try await expect(good.counters()) { $0.requests_by_path["/v1/chat/completions"].int == nil }
                }
            }
        }
    }

    @Test func aModelFallsBackOnAnother() async throws {
        try await withExecutor(["--model", "second"]) { executor in
            let models = """
                - {id: demo, fallbacks: [other], executors: [{url: 'http://127.0.0.1:\(Port.free())'}]}
                - {id: other, executors: [{url: '\(executor.url)', model: second}]}
                """
            try await withServer(Configuration(settings: "workers: 1", models: models)) { server in
                let answer = try await server.curl("/v1/chat/completions", body: chat())
                #expect(answer.status == 200)
                #expect(eventData(answer.body).last == "[DONE]")
                try await expect(executor.get("/simulator/last")) {
                    try $0.json.body.string?.contains(#""model":"second""#) == true
                }
            }
        }
    }

    /// When many attempts fail at once, at most ten exchanges retry at the same time.
    @Test func manyThatFailTogetherTryAgainAFewAtATime() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withExecutor(["--fault", "status:503"]) { bad in
            try await withExecutor(["--model", "second", "--prefill", "300ms"]) { good in
                let models = """
                    - {id: demo, fallbacks: [other], executors: [{url: '\(bad.url)', health: {interval: 0s}}]}
                    - {id: other, executors: [{url: '\(good.url)', model: second, health: {interval: 0s}}]}
                    """
                try await withServer(Configuration(settings: "workers: 1", models: models)) { server in
                    let body = try scratch.write(chat(stream: false, tokens: 1), to: "body.json")
                    let load = ["-n", "40", "-c", "1", "-m", "40", "-d", body, "-H", "content-type: application/json"]
                    let client = try await ChildProcess.start(
                        "h2load",
                        load + [server.tls + "/v1/chat/completions"],
                        in: scratch
                    )
                    var most = 0
                    while client.isRunning { most = max(most, try await good.counters().running.int ?? 0) }
                    #expect(client.output.contains(" 40 succeeded, 0 failed"), "\(client.output)")
                    #expect((2...10).contains(most), "\(most) at once")
                }
            }
        }
    }
}
