import Testing

/// Tests which header fields of an executor's response the edge passes on to the client.
@Suite struct ResponseFieldTests {
    private static let more = """
        server: uvicorn\r
        set-cookie: a=b\r
        set-cookie: c=d\r
        alt-svc: h3=":443"\r
        x-ratelimit-limit-requests: 5\r
        x-ratelimit-remaining-tokens: 5\r
        keep-alive: timeout=5\r
        connection: keep-alive, x-hop\r
        x-hop: 1\r
        x-request-id: executors-own\r
        x-custom: yes\r
        anthropic-ratelimit-requests-limit: 5\r
        openai-organization: org\r
        x-litellm-model-api-base: http://10.0.0.5:8000\r
        llm_provider-request-id: theirs\r
        cf-ray: 1\r
        content-language: en\r
        x-codex-turn-state: sticky\r
        openai-processing-ms: 12\r

        """
    private static let dropped = [
        "server", "set-cookie", "alt-svc", "x-ratelimit-limit-requests", "x-ratelimit-remaining-tokens", "x-hop",
        "keep-alive", "x-custom", "anthropic-ratelimit-requests-limit", "openai-organization",
        "x-litellm-model-api-base", "llm_provider-request-id", "cf-ray",
    ]

    private func check(_ answer: RawAnswer) {
        for name in Self.dropped { #expect(answer[name] == nil, "\(name)") }
        #expect(answer["content-language"] == "en")
        #expect(answer["x-codex-turn-state"] == "sticky")
        #expect(answer["openai-processing-ms"] == "12")
        #expect(answer["x-request-id"] == "mine")
        #expect(answer.fields.count { $0.name == "x-request-id" } == 1, "\(answer.fields)")
        #expect(answer.fields.count { $0.name == "date" } == 1, "\(answer.fields)")
    }

    private func ask(_ server: Server, _ body: String) async throws -> RawConnection {
        let client = try await server.connect()
        try await client.send(
            """
            POST /v1/chat/completions HTTP/1.1\r
            host: x\r
            x-request-id: mine\r
            content-length: \(body.utf8.count)\r
            \r
            \(body)
            """
        )
        return client
    }

    @Test func anAnswersFieldsAreSifted() async throws {
        let executor = try HandMadeExecutor()
        try await withServer(Configuration(executors: [executor.url])) { server in
            let client = try await ask(server, chat(stream: false))
            let connection = try await executor.accept()
            _ = try await connection.receiveRequest()
            try await connection.answer(
                #"{"id":"x","choices":[]}"#,
                type: "application/json; charset=utf-8",
                more: Self.more
            )
            let answer = try await client.receiveAnswer()
            check(answer)
            #expect(answer["content-type"] == "application/json; charset=utf-8")
            #expect(answer.body == #"{"id":"x","choices":[]}"#)
        }
    }

    @Test func aStreamsFieldsAreSifted() async throws {
        let executor = try HandMadeExecutor()
        try await withServer(Configuration(executors: [executor.url])) { server in
            let client = try await ask(server, chat())
            let connection = try await executor.accept()
            _ = try await connection.receiveRequest()
            try await connection.sendStreamHead("cache-control: max-age=60\r\nx-accel-buffering: yes\r\n" + Self.more)
            try await connection.sendChunk(chatEvent("a", isLast: true) + "data: [DONE]\n\n")
            let answer = try await client.receiveAnswer()
            check(answer)
            #expect(answer["content-type"] == "text/event-stream; charset=utf-8")
            #expect(answer["cache-control"] == "no-cache, no-transform")
            #expect(answer["x-accel-buffering"] == "no")
            #expect(answer["content-length"] == nil)
        }
    }
}
