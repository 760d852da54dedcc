import Testing

/// A client stops reading and then leaves.
///
/// The connection to the executor is paused, and is closed all the same.
@Suite struct LeavingAPausedStreamTests {
    @Test(arguments: Leaver.all)
    func whilePaused(_ leaver: Leaver) async throws {
        try await withServer { server, executor in
            let asked = Tongue.chat.request(tokens: 1_000_000, simulator: #""pace":0,"prefill_ms":5"#)
            // The client has a small window and reads nothing until it leaves.
            _ = try await server.leave(leaver, until: "told", asked, arguments: ["--window", "1000"]) {
                _ = try await executor.emittedWhenStill(behind: server)
            }
            let abort = try await executor.abort()
            #expect(abort.phase == "stream")
            #expect(abort.emitted < 1_000_000)
            try await expect(executor.counters()) { $0.running.int == 0 }
            try await expect(server.loggedLeaver()) { $0.end.string == "client_left" }
        }
    }
}
