import Testing

/// A client that closes after `[DONE]` is not logged as one that left early.
@Suite struct LeavingAfterTheEndTests {
    @Test(arguments: Leaver.all)
    func isNoAbort(_ leaver: Leaver) async throws {
        try await withServer { server, executor in
            let asked = Tongue.chat.request(tokens: 3, simulator: #""pace":100,"prefill_ms":5"#)
            let seen = try await server.leave(leaver, until: "done", asked)
            #expect(seen["leaver-0"] == 3)
            try await expect(server.loggedLeaver()) { $0.end.string == "complete" }
            let counters = try await executor.counters()
            #expect(counters.finished.int == 1)
            #expect(counters.aborted.int == 0)
            #expect(counters.running.int == 0)
        }
    }

    /// The client closes after `[DONE]`, before the executor has ended its response.
    ///
    /// The log line says `complete`.
    @Test(arguments: Leaver.all)
    func isNoneBeforeTheExecutorsEndEither(_ leaver: Leaver) async throws {
        let executor = try HandMadeExecutor()
        try await withServer(Configuration(executors: [executor.url])) { server in
            async let left = server.leave(leaver, until: "done", Tongue.chat.request())
            let connection = try await executor.accept()
            _ = try await connection.receiveRequest()
            try await connection.sendStreamHead()
            try await connection.sendChunk(chatEvent("a", isLast: true) + "data: [DONE]\n\n")
            _ = try await left
            try await expect(server.loggedLeaver()) { $0.end.string == "complete" }
            // Without the last chunk the connection cannot be reused, so the server closes it.
            _ = try await connection.receiveToEnd()
        }
    }
}
