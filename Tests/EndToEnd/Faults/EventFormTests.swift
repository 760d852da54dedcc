import Testing

/// Tests events of unusual form, for example with other line ends: the edge passes their bytes on unchanged, and still
/// understands them.
@Suite struct EventFormTests {
    static let forms = [
        #""crlf""#, #""split""#, #"["crlf","split"]"#, #"["comments","crlf","split"]"#, #""huge_event:70000""#,
        #""huge_event:300000""#, #"["huge_event:100000","split"]"#, #""coalesce""#, #""coalesce:3""#,
        #"["coalesce","crlf"]"#, #""split_every:7""#, #"["crlf","split_every:7"]"#, #"["coalesce:2","split_every:64"]"#,
        #"["coalesce","split_at:1","split_at:300","split_at:301"]"#, #"["coalesce","huge_event:100000"]"#,
    ]

    @Test(arguments: forms, Speaking.both)
    func bytesPassUnchanged(_ form: String, _ speaking: Speaking) async throws {
        try await withServer { server, executor in
            for tongue in Tongue.allCases {
                let asked = tongue.request(tokens: 4, simulator: #""fault":\#(form),"pace":100,"prefill_ms":5"#)
                let direct = try await executor.exchange(asked)
                let seen = try await server.exchange(asked, speaking)
                #expect(seen.isClean)
                if form.contains("comments") {
                    // The edge drops a comment that the executor sends before its first event.
                    let dropped = ": a comment\r\n\r\n".utf8.count
                    #expect(Array(seen.body.utf8) == Array(direct.body.utf8.dropFirst(dropped)))
                } else {
                    #expect(seen.length == direct.length)
                    #expect(seen.digest == direct.digest)
                }
                try await expect(server.logged(seen)) { $0.end.string == "complete" }
            }
        }
    }

    /// An executor with HTTP/2 sends several events in one DATA frame, or one event in many.
    ///
    /// The client gets the same bytes.
    @Test(arguments: [#""coalesce""#, #"["coalesce:2","crlf"]"#, #""split_every:7""#], Speaking.both)
    func bytesOfHTTP2PassUnchanged(_ form: String, _ speaking: Speaking) async throws {
        try await withExecutor { executor in
            let model = "- {id: demo, executors: [{url: '\(executor.url)', protocol: h2, health: {interval: 0s}}]}"
            try await withServer(Configuration(models: model)) { server in
                for tongue in Tongue.allCases {
                    let asked = tongue.request(tokens: 4, simulator: #""fault":\#(form),"pace":100,"prefill_ms":5"#)
                    let direct = try await executor.exchange(asked)
                    let seen = try await server.exchange(asked, speaking)
                    #expect(seen.isClean)
                    #expect(seen.body == direct.body)
                    try await expect(server.logged(seen)) { $0.end.string == "complete" }
                }
            }
        }
    }

    /// The executor breaks off inside an event that is too large for the edge's buffer.
    ///
    /// The client has part of the event already, so it could not parse an error event after it. The edge only ends the
    /// response as incomplete.
    @Test(arguments: Speaking.both)
    func aHugeEventThatIsCutBreaksTheStream(_ speaking: Speaking) async throws {
        let executor = try HandMadeExecutor()
        try await withServer(Configuration(executors: [executor.url])) { server in
            async let answered = server.exchange(Tongue.chat.request(), speaking)
            let connection = try await executor.accept()
            _ = try await connection.receiveRequest()
            try await connection.sendStreamHead()
            let whole = chatEvent("a")
            let half = String(chatEvent(String(repeating: "x", count: 100_000)).dropLast(100))
            try await connection.sendChunk(whole)
            try await connection.sendChunk(half)
            connection.close()
            let seen = try await answered
            #expect(seen.body.hasPrefix(whole))
            #expect(seen.endsBroken(speaking))
        }
    }

    /// The executor sends events one byte at a time, with each kind of line end, and the client gets complete events.
    @Test(arguments: ["\n", "\r\n", "\r"], Speaking.both)
    func eventsThatComeByteByByteAreReassembled(_ end: String, _ speaking: Speaking) async throws {
        let executor = try HandMadeExecutor()
        try await withServer(Configuration(executors: [executor.url])) { server in
            async let answered = server.exchange(Tongue.chat.request(), speaking)
            let connection = try await executor.accept()
            _ = try await connection.receiveRequest()
            try await connection.sendStreamHead()
            let stream = (chatEvent("café 日本", isLast: true) + "data: [DONE]\n\n").replacing("\n", with: end)
            for byte in stream.utf8 { try await connection.send(Array("1\r\n".utf8) + [byte] + Array("\r\n".utf8)) }
            try await connection.send("0\r\n\r\n")
            let seen = try await answered
            #expect(Array(seen.body.utf8) == Array(stream.utf8))
            #expect(seen.isClean)
        }
    }
}
