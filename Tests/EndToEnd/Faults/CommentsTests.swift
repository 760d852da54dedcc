import Testing

/// The edge drops comments that an executor sends before its first event, and passes on later ones.
@Suite struct CommentsTests {
    @Test(arguments: Speaking.both)
    func theyPassOnlyAfterTheFirstEvent(_ speaking: Speaking) async throws {
        try await withServer { server, executor in
            for tongue in Tongue.allCases {
                let asked = tongue.request(tokens: 4, simulator: #""fault":"comments","pace":200,"prefill_ms":5"#)
                let direct = try await executor.exchange(asked)
                let seen = try await server.exchange(asked, speaking)
                #expect(direct.body.hasPrefix(": a comment\n\n"))
                #expect(seen.body == String(direct.body.dropFirst(": a comment\n\n".count)))
                #expect(seen.body.contains(": a comment\n\n"))
                #expect(seen.isClean)
            }
        }
    }

    /// Comments alone do not begin a response, so the client still gets an error status.
    @Test(arguments: Speaking.both)
    func aStreamOfCommentsIsNoAnswer(_ speaking: Speaking) async throws {
        let executor = try HandMadeExecutor()
        try await withServer(Configuration(executors: [executor.url])) { server in
            async let answered = server.exchange(Tongue.chat.request(), speaking)
            let connection = try await executor.accept()
            _ = try await connection.receiveRequest()
            try await connection.sendStreamHead()
            for _ in 0..<10 { try await connection.sendChunk(": waiting\n\n") }
            try await connection.send("0\r\n\r\n")
            let seen = try await answered
            #expect(seen.status == 502)
            #expect(seen.body == Tongue.chat.errorBody(.brokeOff, requestID: seen.requestID))
        }
    }
}
