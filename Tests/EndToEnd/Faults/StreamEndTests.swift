import Testing

/// The end of a complete stream is sent together with its last event, because SDKs close after `[DONE]`.
@Suite struct StreamEndTests {
    @Test(arguments: Speaking.both, [50, 1000, 0])
    func doneAndTheEndAreOneWrite(_ speaking: Speaking, pace: Int) async throws {
        try await withServer { server, _ in
            for tongue in [Tongue.chat, .completions] {
                let seen = try await server.exchange(
                    tongue.request(tokens: 5, simulator: #""pace":\#(pace),"prefill_ms":5"#),
                    speaking
                )
                #expect(seen.isClean)
                #expect(seen.body.hasSuffix("data: [DONE]\n\n"))
                if speaking == .http2 {
                    // One DATA frame holds the last event and END_STREAM.
                    let last = seen.report.last[1]
                    #expect(last.name.string == "Data")
                    #expect(last.done.bool == true)
                    #expect(last.flags == .array([.string("END_STREAM")]))
                } else {
                    #expect(seen.report.done_read.string == "[DONE]\n\n\r\n0\r\n\r\n")
                }
            }
        }
    }

    /// The server ends the client's stream at `[DONE]`, before the executor ends its own.
    @Test(arguments: Speaking.both)
    func theExecutorsEndIsNotWaitedFor(_ speaking: Speaking) async throws {
        let executor = try HandMadeExecutor()
        try await withServer(Configuration(executors: [executor.url])) { server in
            async let answered = server.exchange(Tongue.chat.request(), speaking)
            let connection = try await executor.accept()
            _ = try await connection.receiveRequest()
            try await connection.sendStreamHead()
            try await connection.sendChunk(chatEvent("a", isLast: true) + "data: [DONE]\n\n")
            // The executor has not sent its last chunk when the client's stream ends.
            let seen = try await answered
            #expect(seen.isClean)
            #expect(seen.body == chatEvent("a", isLast: true) + "data: [DONE]\n\n")
            try await expect(server.logged(seen)) { $0.end.string == "complete" }
            try await connection.send("0\r\n\r\n")
        }
    }
}
