import Testing

/// A stream of chat or completions that ends without `[DONE]` is complete if all of its choices have finished, and
/// broken otherwise.
@Suite struct NoDoneTests {
    @Test(arguments: Speaking.both)
    func aStreamWhoseChoicesAreFinishedIsComplete(_ speaking: Speaking) async throws {
        try await withServer { server, executor in
            for tongue in [Tongue.chat, .completions] {
                for choices in [1, 2] {
                    let asked = tongue.request(
                        tokens: 3,
                        simulator: #""fault":"no_done","pace":200,"prefill_ms":5"#,
                        more: #""n":\#(choices)"#
                    )
                    let direct = try await executor.exchange(asked)
                    let seen = try await server.exchange(asked, speaking)
                    #expect(!seen.body.contains("[DONE]"))
                    #expect(seen.body == direct.body)
                    #expect(seen.isClean)
                    try await expect(server.logged(seen)) { $0.end.string == "complete" }
                }
            }
        }
    }

    /// Streams of Anthropic's API and of the responses API are complete only with their last event.
    @Test(arguments: [Tongue.messages, .responses], Speaking.both)
    func otherDialectsAreBrokenWithoutTheirLastEvent(_ tongue: Tongue, _ speaking: Speaking) async throws {
        try await withServer { server, executor in
            let asked = tongue.request(tokens: 3, simulator: #""fault":"no_done","pace":200,"prefill_ms":5"#)
            let direct = try await executor.exchange(asked)
            let seen = try await server.exchange(asked, speaking)
            #expect(direct.isClean)
            #expect(
                seen.body == direct.body
                    + tongue.errorEvent(.brokeOff, requestID: seen.requestID, created: seen.created)
            )
            #expect(seen.endsBroken(speaking))
        }
    }

    @Test(arguments: Speaking.both)
    func aStreamWithOneOfTwoChoicesFinishedIsBroken(_ speaking: Speaking) async throws {
        let executor = try HandMadeExecutor()
        try await withServer(Configuration(executors: [executor.url])) { server in
            let events = chatEvent("a") + Self.finish(0)
            async let answered = server.exchange(Tongue.chat.request(more: #""n":2"#), speaking)
            let connection = try await executor.accept()
            _ = try await connection.receiveRequest()
            try await connection.sendStreamHead()
            try await connection.sendChunk(events)
            try await connection.send("0\r\n\r\n")
            let seen = try await answered
            #expect(
                seen.body == events
                    + Tongue.chat.errorEvent(.brokeOff, requestID: seen.requestID, created: seen.created)
            )
            #expect(seen.endsBroken(speaking))
        }
    }

    private static func finish(_ index: Int) -> String {
        #"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"demo","choices":[{"index":\#(index),"delta":{},"finish_reason":"stop"}]}"#
            + "\n\n"
    }
}
