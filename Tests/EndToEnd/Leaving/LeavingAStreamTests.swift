import Testing

/// A client leaves a stream: the request to the executor is aborted before the executor's next event.
@Suite struct LeavingAStreamTests {
    /// With 0.1 events a second, the server has 10 s to abort before the next event, enough even on a busy machine.
    @Test(arguments: Leaver.all)
    func afterTheFirstEvent(_ leaver: Leaver) async throws {
        try await leave(leaver, tokens: 1, pace: "0.1")
    }

    @Test(arguments: Leaver.all)
    func inTheMiddle(_ leaver: Leaver) async throws {
        try await leave(leaver, tokens: 2, pace: "0.5")
    }

    private func leave(_ leaver: Leaver, tokens: Int, pace: String) async throws {
        try await withServer { server, executor in
            let asked = Tongue.chat.request(simulator: #""pace":\#(pace),"prefill_ms":5"#)
            let seen = try await server.leave(leaver, until: "tokens", asked, arguments: ["--tokens", "\(tokens)"])
            let abort = try await executor.abort()
            #expect(abort.phase == "stream")
            // The executor has sent no more events than the client received.
            #expect(abort.emitted == seen["leaver-0"])
            #expect(seen["leaver-0"] == tokens)
            let counters = try await executor.counters()
            #expect(counters.running.int == 0)
            #expect(counters.emitted.int == tokens)
            let line = try await server.loggedLeaver()
            #expect(line.end.string == "client_left")
            #expect(line.status.int == 200)
        }
    }

    @Test(arguments: [Tongue.completions, .messages, .responses], [Leaver.all[0], Leaver.all[4]])
    func inOtherDialects(_ tongue: Tongue, _ leaver: Leaver) async throws {
        try await withServer { server, executor in
            let asked = tongue.request(simulator: #""pace":0.1,"prefill_ms":5"#)
            let seen = try await server.leave(leaver, until: "tokens", asked)
            let abort = try await executor.abort()
            #expect(abort.emitted == seen["leaver-0"])
            try await expect(server.loggedLeaver()) { $0.end.string == "client_left" }
        }
    }

    /// A client leaves a stream whose executor is on a unix socket.
    @Test(arguments: Leaver.all)
    func ofAnExecutorOnAUnixSocket(_ leaver: Leaver) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withExecutor(at: .unix(path: scratch.file("executor.sock"))) { executor in
            try await withServer(Configuration(executors: [executor.url])) { server in
                let asked = Tongue.chat.request(simulator: #""pace":0.1,"prefill_ms":5"#)
                let seen = try await server.leave(leaver, until: "tokens", asked)
                try await expect(executor.abort().emitted, is: seen["leaver-0"])
            }
        }
    }
}
