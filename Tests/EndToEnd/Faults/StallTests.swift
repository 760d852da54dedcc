import Testing

/// An executor whose stream stops in the middle.
@Suite struct StallTests {
    @Test(arguments: Speaking.both)
    func aStalledStreamEndsInAnErrorOfItsDialect(_ speaking: Speaking) async throws {
        try await withServer(settings: "timeouts: {stall: 3s}") { server, executor in
            var aborted = 0
            for tongue in Tongue.allCases {
                let asked = tongue.request(simulator: #""fault":"stall_after:2","pace":200,"prefill_ms":5"#)
                // The executor never ends the stalled stream, so the expected bytes come from a stream that dies
                // after as many events.
                let cut = tongue.request(simulator: #""fault":"die_after:2","pace":200,"prefill_ms":5"#)
                let direct = try await executor.exchange(cut)
                let seen = try await server.exchange(asked, speaking)
                #expect(
                    seen.body == direct.wholeEvents
                        + tongue.errorEvent(.stalled, requestID: seen.requestID, created: seen.created)
                )
                #expect(seen.endsBroken(speaking))
                try await expect(server.logged(seen)) { $0.end.string == "stall" }
                aborted += 1
                try await executor.counter("aborted", reaches: aborted)
            }
        }
    }

    /// Comments reset the `stall` deadline too; a stream as a whole has no deadline.
    @Test(arguments: Speaking.both)
    func aStreamThatMovesIsNotStalled(_ speaking: Speaking) async throws {
        let executor = try HandMadeExecutor()
        let settings = "timeouts: {stall: 3s}"
        try await withServer(Configuration(executors: [executor.url], settings: settings)) { server in
            async let answered = server.exchange(Tongue.chat.request(), speaking)
            let connection = try await executor.accept()
            _ = try await connection.receiveRequest()
            try await connection.sendStreamHead()
            let comments = [": one\n\n", ": two\n\n", ": three\n\n"]
            let pieces = [chatEvent("a")] + comments + [chatEvent("b", isLast: true), "data: [DONE]\n\n"]
            for piece in pieces {
                try await connection.sendChunk(piece)
                try await Task.sleep(for: .milliseconds(800))
            }
            let seen = try await answered
            #expect(seen.body == pieces.joined())
            #expect(seen.isClean)
        }
    }
}
