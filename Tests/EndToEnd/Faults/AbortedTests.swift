import Testing

/// An engine that shuts down reports it only in its finish reasons; its responses are otherwise complete.
@Suite struct AbortedTests {
    static let tongues = [Tongue.chat, .completions, .messages]

    @Test(arguments: Speaking.both)
    func aWholeAnswerIsAskedForElsewhere(_ speaking: Speaking) async throws {
        try await withExecutor { good in
            try await withExecutor(["--fault", "aborted"]) { bad in
                for tongue in Self.tongues {
                    let executors = [bad, good].map { "{url: '\($0.url)', health: {interval: 0s}}" }
                    let model = "- {id: demo, balance: round-robin, executors: [\(executors.joined(separator: ", "))]}"
                    try await withServer(Configuration(settings: "workers: 1", models: model)) { server in
                        let asked = tongue.request(stream: false, simulator: #""prefill_ms":5"#)
                        let seen = try await server.exchange(asked, speaking)
                        #expect(seen.status == 200)
                        #expect(seen.isClean)
                        let line = try await server.logged(seen)
                        #expect(line.executor.string == good.url)
                        #expect(line.attempts.int == 2)
                    }
                }
            }
        }
    }

    /// A stream without the event-stream content type is recognised by its bytes, and the client gets the right
    /// content type.
    @Test(arguments: Speaking.both)
    func aStreamWithoutItsLabelIsAStream(_ speaking: Speaking) async throws {
        try await withServer { server, executor in
            for tongue in Tongue.allCases {
                let asked = tongue.request(tokens: 3, simulator: #""fault":"no_label","prefill_ms":5"#)
                let direct = try await executor.exchange(asked)
                let seen = try await server.exchange(asked, speaking)
                #expect(seen.isClean)
                #expect(seen.body == direct.body)
                try await expect(server.logged(seen)) { $0.events.int ?? 0 > 0 }
                let cut = tongue.request(tokens: 3, simulator: #""fault":["no_label","end_early:2"],"prefill_ms":5"#)
                let broken = try await server.exchange(cut, speaking)
                #expect(broken.endsBroken(speaking))
            }
        }
    }
}
