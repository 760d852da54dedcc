import Testing

/// Until the first event is relayed an exchange may move to another executor; after it, never.
@Suite struct FailoverTests {
    /// A model `demo` of these executors, which take turns.
    private func configuration(_ urls: [String], settings: String = "") -> Configuration {
        let executors = urls.map { "{url: '\($0)', health: {interval: 0s}}" }.joined(separator: ", ")
        return Configuration(
            settings: settings.isEmpty ? "workers: 1" : "workers: 1\n" + settings,
            models: "- {id: demo, balance: round-robin, executors: [\(executors)]}"
        )
    }

    @Test(arguments: [true, false]) func aDeadExecutorIsPassedOverAndThenLeftOut(stream: Bool) async throws {
        try await withExecutor { executor in
            let dead = "http://127.0.0.1:\(Port.free())"
            try await withServer(configuration([dead, executor.url])) { server in
                for _ in 0..<12 {
                    let answer = try await server.curl("/v1/chat/completions", body: chat(stream: stream))
                    #expect(answer.status == 200 && answer.exitCode == 0)
                }
                let lines = server.log
                #expect(lines.count == 12 && lines.allSatisfy { $0.end.string == "complete" })
                let retried = lines.filter { $0.attempts.int == 2 }
                // Ejected after three faults in a row; a trial may have come within the test.
                #expect((3...5).contains(retried.count), "\(retried.count)")
                #expect(retried.allSatisfy { $0.executor.string == executor.url })
                #expect(retried[0].failed_attempts[0].executor.string == dead)
                #expect(retried[0].failed_attempts[0].end.string == "executor_unreachable")
                #expect(retried[0].failed_attempts[0].detail.string == "connect: Connection refused")
            }
        }
    }

    @Test(arguments: [
        ("status:502", true), ("status:503", true), ("status:504", true), ("status:429", true), ("status:401", true),
        ("status:404", true), ("close_before_head", true), ("garbage_head", true), ("error_event:0", true),
        ("status:500", false), ("status:408", false), ("status:400", false), ("status:422", false),
    ]) func whatAnotherExecutorMayMendGoesToIt(fault: String, moves: Bool) async throws {
        try await withExecutor { good in
            try await withExecutor(["--fault", fault]) { bad in
                try await withServer(configuration([bad.url, good.url])) { server in
                    let answer = try await server.curl("/v1/chat/completions", body: chat())
                    let line = try await server.logged(fault) { $0.request_id.string == answer["x-request-id"] }
                    #expect(line.attempts.int == (moves ? 2 : 1))
                    #expect((answer.status == 200) == moves)
                    if moves { #expect(eventData(answer.body).last == "[DONE]") }
                    #expect(try await good.counters().finished.int == (moves ? 1 : 0))
                }
            }
        }
    }

    @Test func anExecutorThatSaysNothingIsLeftForAnother() async throws {
        try await withExecutor { good in
            try await withExecutor(["--fault", "no_answer"]) { silent in
                let settings =
                    "timeouts: {first_event: 400ms}\ncommit_after: 200ms\nkeep_alive: 50ms\nadmission: {max_wait: 100ms}"
                try await withServer(configuration([silent.url, good.url], settings: settings)) { server in
                    // It has its 200 and comments by then: the exchange moves all the same.
                    let answer = try await server.curl("/v1/chat/completions", body: chat())
                    #expect(answer.status == 200 && answer.body.hasPrefix(": keep-alive"))
                    #expect(eventData(answer.body).last == "[DONE]" && answer.exitCode == 0)
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
                    #expect(answer.status == 200 && answer.exitCode == 18)
                    #expect(try await good.counters().requests_by_path["/v1/chat/completions"].int == nil)
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
                #expect(answer.status == 200 && eventData(answer.body).last == "[DONE]")
                #expect(
                    try await executor.get("/simulator/last").json.body.string?.contains(#""model":"second""#) == true
                )
            }
        }
    }

    /// Executors are killed and stopped under load: no request fails that had not yet had its first event.
    @Test func aStormLosesNoRequestBeforeItsFirstEvent() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let addresses = (0..<3).map { _ in SocketAddress.loopback(port: Port.free()) }
        let options = ["--prefill", "100ms", "--pace", "50"]
        var executors: [Executor] = []
        for address in addresses { executors.append(try await Executor.start(options, at: address, in: scratch)) }
        let settings = "timeouts: {first_event: 2s, stall: 2s}"
        try await withServer(configuration(executors.map(\.url), settings: settings)) { server in
            let body = try scratch.write(chat(tokens: 60), to: "body.json")
            let load = ["-D", "32", "-c", "6", "-m", "50", "-d", body, "-H", "content-type: application/json"]
            let client = try await ChildProcess.start(
                "h2load",
                load + [server.tls + "/v1/chat/completions"],
                in: scratch
            )
            for round in 0..<5 {
                try await Task.sleep(for: .milliseconds(1500))
                let victim = round % 3
                if round % 2 == 0 {
                    executors[victim].process.signal(9)
                    _ = try await executors[victim].process.ending()
                    try await Task.sleep(for: .milliseconds(1500))
                    executors[victim] = try await Executor.start(options, at: addresses[victim], in: scratch)
                } else {
                    executors[victim].process.signal(19)
                    try await Task.sleep(for: .milliseconds(2500))
                    executors[victim].process.signal(18)
                }
            }
            // Healed: all three carry their part again.
            try await Task.sleep(for: .seconds(1))
            var before: [Int] = []
            for executor in executors { before.append(try await executor.counters().finished.int ?? 0) }
            _ = try await eventually("all are back in rotation", within: .seconds(15)) { () async throws -> Bool? in
                for (index, executor) in executors.enumerated() {
                    guard (try await executor.counters().finished.int ?? 0) > before[index] else { return nil }
                }
                return true
            }
            #expect(try await client.ending() == .exited(0), "h2load ends by itself: nothing hangs")
            let lines = server.log
            let lost = lines.filter { line in
                // What h2load leaves when its time is up is no failure.
                guard line.end.string != "complete", line.end.string != "client_left" else { return false }
                return line.status.int != 200 || (line.events.int ?? 0) == 0
            }
            let words = lost.prefix(3).map { "\($0.end) after \($0.attempts) attempts, \($0.failed_attempts)" }
            #expect(lost.isEmpty, "\(lost.count) of \(lines.count): \(words)")
            #expect(lines.count { $0.end.string == "complete" } > 500 && lines.contains { ($0.attempts.int ?? 0) > 1 })
        }
        for executor in executors { try await executor.process.stop() }
    }
}
