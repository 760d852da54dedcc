import Testing

/// Errors that executors report inside a 200 response.
@Suite struct ErrorEventTests {
    /// A `max_wait` of 10 ms, so that requests do not wait for an overloaded executor.
    private static let impatient = "admission: {max_wait: 10ms}"

    /// If the first event of an executor's stream is an error, the client gets the error's status and no stream.
    ///
    /// SGLang sends such an event when its queue is full.
    @Test(arguments: Speaking.both)
    func asTheFirstEventItBecomesTheStatus(_ speaking: Speaking) async throws {
        // Each dialect gets a new server, because an overloaded executor is avoided after the first error.
        for tongue in [Tongue.chat, .completions] {
            try await withServer(settings: Self.impatient) { server, executor in
                let asked = tongue.request(simulator: #""fault":"error_event:0","prefill_ms":5"#)
                let seen = try await server.exchange(asked, speaking)
                #expect(seen.status == 503)
                #expect(seen.body == tongue.errorBody(.overloaded, requestID: seen.requestID))
                #expect(seen["content-type"] == "application/json")
                #expect(seen.isClean)
                try await expect(server.logged(seen)) { $0.end.string == "executor_error" }
                try await expect(executor.counters()) { $0.running.int == 0 }
            }
        }
    }

    /// Errors in Anthropic's format have no code; the status follows from their type, or is 502 for an unknown type.
    @Test(arguments: [Tongue.messages, .responses], Speaking.both)
    func inOtherDialectsItIsAStatusToo(_ tongue: Tongue, _ speaking: Speaking) async throws {
        try await withServer(settings: Self.impatient) { server, _ in
            let seen = try await server.exchange(
                tongue.request(simulator: #""fault":"error_event:0","prefill_ms":5"#),
                speaking
            )
            #expect(seen.status >= 500)
            #expect(seen["content-type"] == "application/json")
            #expect(seen.isClean)
        }
    }

    /// A client error that an engine reports is passed on with the engine's text, in which addresses are hidden.
    ///
    /// It is not retried, and does not count against the executor.
    @Test(arguments: Speaking.both)
    func aMistakeOfTheClientsIsTheClients(_ speaking: Speaking) async throws {
        try await withServer { server, executor in
            for tongue in Tongue.allCases {
                let asked = tongue.request(simulator: #""fault":"mistake_event:0","prefill_ms":5"#)
                let seen = try await server.exchange(asked, speaking)
                #expect(seen.status == 400)
                #expect(seen.isClean)
                let told = try JSON(parsing: seen.body)
                #expect(told.error.message.string == "The prompt is too long for the engine at [address].")
                #expect(told.error.type.string == "invalid_request_error")
                let line = try await server.logged(seen)
                #expect(line.side.string == "client")
                #expect(line.attempts.int == 1)
                #expect(line.engine_error.meaning.string == "clients_mistake")
                #expect(line.engine_error.message.isNull)
            }
            try await expect(executor.counters()) { $0.running.int == 0 }
        }
    }

    /// An error document with status 200 is an error, and so is an error in a line that is no event field.
    @Test(arguments: ["error_document", "error_line:0", "error_line:3"], Speaking.both)
    func anErrorInAnotherFormIsOneToo(_ fault: String, _ speaking: Speaking) async throws {
        for tongue in [Tongue.chat, .completions] {
            try await withServer(settings: Self.impatient) { server, _ in
                let seen = try await server.exchange(
                    tongue.request(simulator: #""fault":"\#(fault)","pace":200,"prefill_ms":5"#),
                    speaking
                )
                if fault == "error_line:3" {
                    #expect(seen.status == 200)
                    #expect(seen.endsBroken(speaking))
                    #expect(seen.body.contains(#""finish_reason":"error""#))
                } else {
                    #expect(seen.status >= 500)
                    #expect(seen.isClean)
                }
                let line = try await server.logged(seen)
                #expect(line.end.string == "executor_error")
                #expect(line.side.string == "executor")
            }
        }
    }

    /// An error event in the middle of a stream is reported in the client's dialect.
    ///
    /// The engine's `[DONE]` is dropped, and the stream ends as broken.
    @Test(arguments: Speaking.both)
    func laterItIsToldInTheClientsDialectAndTheStreamIsBroken(_ speaking: Speaking) async throws {
        for tongue in Tongue.allCases {
            try await withServer { server, executor in
                let asked = tongue.request(simulator: #""fault":"error_event:3","pace":200,"prefill_ms":5"#)
                let direct = try await executor.exchange(asked)
                let seen = try await server.exchange(asked, speaking)
                #expect(direct.isClean)
                #expect(seen.endsBroken(speaking))
                let events = direct.body.split(separator: "\n\n").prefix {
                    !$0.contains("event: error") && !$0.contains(#""error":{"#)
                }.map { $0 + "\n\n" }.joined()
                #expect(events.utf8.count < direct.body.utf8.count)
                try #require(seen.body.hasPrefix(events))
                let told = String(seen.body.dropFirst(events.count))
                #expect(
                    told.split(separator: "\n\n").count == 1 && told.contains(#""error":{"#),
                    "one event: \(told)"
                )
                #expect(!told.contains("[DONE]"))
                try await expect(server.logged(seen)) { $0.end.string == "executor_error" }
            }
        }
    }

    /// The executor sends an error and then closes the connection: the client gets one error event and a broken end.
    @Test(arguments: Speaking.both)
    func laterAndCutItIsToldOnceAndTheStreamIsBroken(_ speaking: Speaking) async throws {
        let executor = try HandMadeExecutor()
        try await withServer(Configuration(executors: [executor.url])) { server in
            let token = chatEvent("a")
            let error =
                #"data: {"error":{"message":"gone at 10.0.0.3:8000","type":"x","param":null,"code":500}}"# + "\n\n"
            async let answered = server.exchange(Tongue.chat.request(), speaking)
            let connection = try await executor.accept()
            _ = try await connection.receiveRequest()
            try await connection.sendStreamHead()
            try await connection.sendChunk(token + error)
            connection.close()
            let seen = try await answered
            #expect(seen.body.hasPrefix(token))
            #expect(!seen.body.contains("10.0.0.3"))
            #expect(seen.body.ranges(of: #""error":{"#).count == 1)
            #expect(seen.body.contains(#""code":500"#))
            #expect(seen.endsBroken(speaking))
        }
    }
}
