import Testing

/// Tests `json_keep_alive`: while a JSON response takes long, the edge sends spaces in front of it.
///
/// If an error follows the spaces, the client must notice it, although the status is 200.
@Suite struct JSONKeepAliveTests {
    private static let settings = "json_keep_alive: true\ncommit_after: 300ms\nkeep_alive: 100ms\n"
    private static let late = #""simulator":{"prefill_ms":1500}"#
    private static let never = #""simulator":{"prefill_ms":60000}"#

    @Test(arguments: [(Protocol.http1, true), (.http2, true), (.http1, false), (.http2PriorKnowledge, false)])
    func aLateAnswerIsWhole(speaking: Protocol, secure: Bool) async throws {
        try await withServer(settings: Self.settings) { server, _ in
            let answer = try await server.curl(
                "/v1/chat/completions",
                speaking,
                secure: secure,
                body: chat(stream: false, more: Self.late)
            )
            #expect(answer.status == 200 && answer.exitCode == 0)
            #expect(answer.body.hasPrefix("   "), "\(answer.body.prefix(20))")
            #expect(try JSON(parsing: answer.body).choices.array.count == 1)
            #expect(!answer.fields.contains { $0.name == "content-length" })
            #expect(answer.fields.contains { $0.name == "content-type" && $0.value == "application/json" })
            #expect(answer.fields.contains { $0.name == "x-request-id" })
        }
    }

    /// curl's exit code says that the response was cut: 18 for HTTP/1.1, 92 for HTTP/2.
    @Test(arguments: [(Protocol.http1, 18), (.http2, 92)])
    func anErrorAfterTheSpacesIsToldAndTheResponseIsCut(speaking: Protocol, code: Int) async throws {
        try await withServer(settings: Self.settings + "timeouts: {response: 1s}") { server, _ in
            let body = chat(stream: false, more: Self.never)
            let answer = try await server.curl("/v1/chat/completions", speaking, body: body)
            #expect(answer.status == 200 && answer.exitCode == code && answer.body.hasPrefix("   "))
            // curl 7.88 discards the bytes that it reads together with a reset. So httpx, the HTTP library of the
            // openai SDK, is used to read the error.
            let arguments = ["--extra", "{\(Self.never)}"]
            let seen = try await server.openAISDK("latetext", http2: speaking == .http2, arguments: arguments)
            #expect(seen.first?.raised.string == "RemoteProtocolError")
            let text = seen.first?.text.string ?? ""
            #expect(text.hasPrefix("   "))
            #expect(try JSON(parsing: text).error.code.string == "response_timeout", "\(text)")
        }
    }

    @Test(arguments: [false, true]) func theOpenAISDKTakesALateAnswer(http2: Bool) async throws {
        try await withServer(settings: Self.settings) { server, _ in
            let seen = try await server.openAISDK("late", http2: http2, arguments: ["--extra", "{\(Self.late)}"])
            #expect(seen.first?.raised.isNull == true && seen.first?.text.string?.isEmpty == false)
            #expect(seen.first?.begins_with_space.bool == true)
        }
    }

    @Test(arguments: [false, true]) func theOpenAISDKRaisesForAnErrorAfterTheSpaces(http2: Bool) async throws {
        try await withServer(settings: Self.settings + "timeouts: {response: 1s}") { server, _ in
            let seen = try await server.openAISDK("late", http2: http2, arguments: ["--extra", "{\(Self.never)}"])
            #expect(seen.first?.raised.string == "APIConnectionError")
        }
    }

    @Test func overHTTP10AndWithoutTheSettingTheClientWaits() async throws {
        try await withServer(settings: Self.settings) { server, _ in
            let body = chat(stream: false, more: Self.late)
            let answer = try await server.curl(
                "/v1/chat/completions",
                .http1,
                secure: false,
                body: body,
                arguments: ["--http1.0"]
            )
            #expect(answer.status == 200 && answer.body.hasPrefix("{"))
        }
        try await withServer(settings: "commit_after: 300ms\nkeep_alive: 100ms") { server, _ in
            let answer = try await server.curl("/v1/chat/completions", body: chat(stream: false, more: Self.late))
            #expect(answer.status == 200 && answer.body.hasPrefix("{"))
            #expect(answer.fields.contains { $0.name == "content-length" })
        }
    }

    /// The edge appends its instance id to the field `cdn-loop` of a request to an executor.
    ///
    /// It refuses a request whose field already has the id, because the request has come back.
    @Test(arguments: [Protocol.http1, .http2]) func aLoopIsFoundByTheIDThatExecutorsGet(speaking: Protocol) async throws
    {
        try await withServer { server, executor in
            let body = chat(stream: false)
            func ask(_ list: String) async throws -> Int {
                let arguments = ["--header", "cdn-loop: \(list)"]
                return try await server.curl("/v1/chat/completions", speaking, body: body, arguments: arguments).status
            }
            #expect(try await ask("cloudflare; loops=1") == 200)
            let list = try await executor.get("/simulator/last").json.headers["cdn-loop"].string ?? ""
            #expect(list.wholeMatch(of: /cloudflare; loops=1, freeinference-[0-9a-f]{16}/) != nil, "\(list)")
            #expect(try await ask(list) == 200, "it has passed once")
            let twice = try await executor.get("/simulator/last").json.headers["cdn-loop"].string ?? ""
            #expect(try await ask(twice) == 508)
        }
    }
}
