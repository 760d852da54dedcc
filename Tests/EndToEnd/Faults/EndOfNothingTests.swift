import Testing

/// Tests streams that end cleanly but have no finish reason or no content, and an engine that redirects to itself.
@Suite struct EndOfNothingTests {
    static let tongues = [Tongue.chat, .completions, .messages]

    @Test(arguments: ["no_reason", "aborted"], Speaking.both)
    func aStreamWithoutAReasonIsToldAsBroken(_ fault: String, _ speaking: Speaking) async throws {
        try await withServer { server, _ in
            for tongue in Self.tongues {
                let asked = tongue.request(tokens: 3, simulator: #""fault":"\#(fault)","prefill_ms":5"#)
                let seen = try await server.exchange(asked, speaking)
                #expect(seen.status == 200 && seen.endsBroken(speaking), "\(tongue): \(seen.body)")
                #expect(!seen.body.contains("[DONE]"))
                #expect(!seen.body.contains("message_stop"))
                #expect(!seen.body.contains("abort"))
                try await expect(server.logged(seen)) { $0.end.string == "executor_broke_off" }
            }
        }
    }

    @Test(arguments: Speaking.both)
    func anEndOfNothingGoesToAnotherExecutorOrIsA502(_ speaking: Speaking) async throws {
        try await withExecutor { good in
            try await withExecutor(["--fault", "only_end"]) { bad in
                for executors in [[bad, good], [bad]] {
                    let list = executors.map { "{url: '\($0.url)', health: {interval: 0s}}" }.joined(separator: ", ")
                    let model = "- {id: demo, balance: round-robin, executors: [\(list)]}"
                    for tongue in Self.tongues {
                        for isStream in [true, false] {
                            try await withServer(Configuration(settings: "workers: 1", models: model)) { server in
                                let asked = tongue.request(stream: isStream, simulator: #""prefill_ms":5"#)
                                let seen = try await server.exchange(asked, speaking)
                                let line = try await server.logged(seen)
                                let isServed = executors.count == 2
                                #expect(seen.status == (isServed ? 200 : 502), "\(tongue) \(isStream)")
                                #expect(seen.isClean, "\(tongue) \(isStream)")
                                guard isServed else { return }
                                #expect(line.executor.string == good.url)
                                #expect(line.attempts.int == 2)
                            }
                        }
                    }
                }
            }
        }
    }

    @Test(arguments: Speaking.both)
    func aRedirectOfAnEngineToItselfIsFollowed(_ speaking: Speaking) async throws {
        try await withServer { server, _ in
            for tongue in Tongue.allCases {
                for status in [307, 308] {
                    let simulator = #""fault":"redirect:\#(status)","prefill_ms":5"#
                    let seen = try await server.exchange(tongue.request(tokens: 3, simulator: simulator), speaking)
                    #expect(seen.status == 200, "\(tongue)")
                    #expect(seen.isClean, "\(tongue)")
                    let line = try await server.logged(seen)
                    #expect(line.end.string == "complete")
                    #expect(line.attempts.int == 1)
                }
            }
        }
    }
}
