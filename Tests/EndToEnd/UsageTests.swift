import Testing

/// The server requests usage in every stream, and the client gets it only if the client asked for it.
@Suite struct UsageTests {
    struct Case: Sendable, CustomTestStringConvertible {
        /// `stream_options` of the client; nil sends none.
        let options: String?
        /// `stream_options` that the executor receives.
        let sent: String
        let isSeen: Bool
        var testDescription: String { options ?? "absent" }
    }

    @Test(arguments: [
        Case(options: nil, sent: #"{"include_usage":true}"#, isSeen: false),
        Case(options: "null", sent: #"{"include_usage":true}"#, isSeen: false),
        Case(options: "{}", sent: #"{"include_usage":true}"#, isSeen: false),
        Case(options: #"{"x":[1]}"#, sent: #"{"include_usage":true,"x":[1]}"#, isSeen: false),
        Case(options: #"{"include_usage":false,"x":1}"#, sent: #"{"include_usage":true,"x":1}"#, isSeen: false),
        Case(options: #"{"include_usage" : null}"#, sent: #"{"include_usage" : true}"#, isSeen: false),
        Case(options: #"{"include_usage":true}"#, sent: #"{"include_usage":true}"#, isSeen: true),
    ])
    func itIsSplicedInAndTakenOut(_ asked: Case) async throws {
        try await withServer { server, executor in
            let body = chat(tokens: 3, more: asked.options.map { #""stream_options":\#($0)"# } ?? "")
            let answer = try await server.curl("/v1/chat/completions", body: body)
            #expect(answer.status == 200)
            let sent = try #require(try await executor.get("/simulator/last").json.body.string)
            if let options = asked.options {
                #expect(sent == body.replacing(options, with: asked.sent))
            } else {
                #expect(sent == body.replacing(#"{"model""#, with: #"{"stream_options":\#(asked.sent),"model""#))
            }
            let events = try eventData(answer.body).filter { $0 != "[DONE]" }.map { try JSON(parsing: $0) }
            #expect(events.contains { !$0.usage.isNull } == asked.isSeen, "\(events)")
            #expect(events.contains { $0.choices == .array([]) } == asked.isSeen, "\(events)")
            // All other events are there: the role, the tokens, and the finish reason.
            #expect(events.count == 5 + (asked.isSeen ? 1 : 0))
            #expect(eventData(answer.body).last == "[DONE]")
            // The log has the token count, whether or not the client asked for usage.
            let line = try await server.logged("the stream") { $0.stream.bool == true }
            #expect(line.tokens.int == 3)
            #expect(line.tokens_estimated.bool == false)
        }
    }

    @Test func completionsAreAskedToo() async throws {
        try await withServer { server, executor in
            let body = #"{"model":"demo","prompt":"x","stream":true,"max_tokens":2}"#
            let answer = try await server.curl("/v1/completions", body: body)
            #expect(answer.status == 200)
            try await expect(executor.get("/simulator/last")) {
                try $0.json.body.string?.contains("include_usage") == true
            }
            #expect(!answer.body.contains("prompt_tokens"))
            #expect(eventData(answer.body).last == "[DONE]")
        }
    }

    @Test func anAnswerThatIsNoStreamIsNotAsked() async throws {
        try await withServer { server, executor in
            let body = chat(stream: false)
            let answer = try await server.curl("/v1/chat/completions", body: body)
            #expect(answer.status == 200)
            try await expect(executor.get("/simulator/last").json.body.string, is: body)
        }
    }

    @Test func anExecutorMayBeSpared() async throws {
        try await withExecutor { executor in
            let models = "- id: demo\n  executors:\n    - url: \(executor.url)\n      include_usage: false"
            try await withServer(Configuration(models: models)) { server in
                let body = chat()
                let answer = try await server.curl("/v1/chat/completions", body: body)
                #expect(answer.status == 200)
                try await expect(executor.get("/simulator/last").json.body.string, is: body)
                let line = try await server.logged("the stream") { $0.stream.bool == true }
                #expect(line.tokens_estimated.bool == true)
                #expect(line.tokens.int == 8)
            }
        }
    }
}
