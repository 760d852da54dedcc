import Testing

/// When a connection with many streams is lost, the request of each stream is aborted at its executor.
@Suite struct LeavingWithManyStreamsTests {
    @Test(arguments: Leaver.all.filter { $0.speaking == .http2 })
    func allAreAborted(_ leaver: Leaver) async throws {
        try await withServer { server, executor in
            let asked = Tongue.chat.request(simulator: #""pace":0.05,"prefill_ms":5"#)
            let seen = try await server.leave(leaver, until: "tokens", asked, arguments: ["--streams", "200"])
            #expect(seen.count == 200)
            try await executor.counter("aborted", reaches: 200)
            let aborts = try await executor.aborts()
            for (name, tokens) in seen { #expect(aborts[name]?.emitted == tokens, "\(name)") }
            let counters = try await executor.counters()
            #expect(counters.running.int == 0)
            #expect(counters.emitted.int == 200)
        }
    }
}
