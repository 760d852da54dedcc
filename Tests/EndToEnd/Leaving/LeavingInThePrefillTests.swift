import Testing

/// Clients leave while the executor computes the prompt and sends nothing.
///
/// The executor does not notice that by itself, so the server has to abort the request.
@Suite struct LeavingInThePrefillTests {
    @Test(arguments: Leaver.all, [#""prefill_ms":60000"#, #""prefill_ms":60000,"head":"late""#])
    func inTheSilentPrefill(_ leaver: Leaver, simulator: String) async throws {
        try await withServer { server, executor in
            let asked = Tongue.chat.request(simulator: simulator)
            let seen = try await server.leave(leaver, until: "told", asked) {
                try await executor.counter("waiting", reaches: 1)
            }
            #expect(seen["leaver-0"] == 0)
            let abort = try await executor.abort()
            #expect(abort.phase == "prefill")
            #expect(abort.emitted == 0)
            try await expect(executor.counters()) { $0.running.int == 0 }
            let line = try await server.loggedLeaver()
            #expect(line.end.string == "client_left")
            #expect(line.status.int == 499)
        }
    }

    /// The client leaves after the server has sent the status 200 and comments, and before the executor has answered.
    @Test(arguments: Leaver.all)
    func betweenTheCommentsOfALongPrefill(_ leaver: Leaver) async throws {
        try await withServer(settings: "commit_after: 1s\nkeep_alive: 60s") { server, executor in
            let asked = Tongue.chat.request(simulator: #""prefill_ms":60000"#)
            _ = try await server.leave(leaver, until: "comment", asked)
            let abort = try await executor.abort()
            #expect(abort.phase == "prefill")
            #expect(abort.emitted == 0)
            let line = try await server.loggedLeaver()
            #expect(line.end.string == "client_left")
            #expect(line.status.int == 200)
        }
    }

    /// A response that is not a stream is silent until it is complete.
    @Test(arguments: Leaver.all)
    func waitingForAnAnswerThatIsNoStream(_ leaver: Leaver) async throws {
        try await withServer { server, executor in
            let asked = Tongue.chat.request(stream: false, simulator: #""pace":1,"prefill_ms":5"#)
            _ = try await server.leave(leaver, until: "told", asked) {
                try await executor.counter("running", reaches: 1)
            }
            _ = try await executor.abort()
            try await expect(executor.counters()) { $0.finished.int == 0 }
            try await expect(server.loggedLeaver()) { $0.end.string == "client_left" }
        }
    }
}
