import Testing

/// `cors.origins`: preflight requests of browsers, and the header fields that browsers need in a response.
@Suite struct CrossOriginTests {
    private static let settings = "cors: {origins: ['https://chat.example']}"
    private static let page = ["--header", "origin: https://chat.example"]
    private static let stranger = ["--header", "origin: https://other.example"]
    private static let preflight = [
        "--request", "OPTIONS", "--header", "access-control-request-method: POST",
        "--header", "access-control-request-headers: authorization,content-type,x-stainless-lang",
    ]

    private func grants(_ answer: Answer) -> [String] {
        answer.fields.map(\.name).filter { $0.hasPrefix("access-control-") }
    }

    @Test(arguments: [Protocol.http1, .http2]) func aPreflightIsAnsweredHere(speaking: Protocol) async throws {
        try await withServer(settings: Self.settings) { server, _ in
            let answer = try await server.curl(
                "/v1/chat/completions",
                speaking,
                arguments: Self.preflight + Self.page
            )
            #expect(answer.status == 204)
            #expect(answer.body.isEmpty)
            #expect(answer["access-control-allow-origin"] == "https://chat.example")
            #expect(
                answer["access-control-allow-methods"]?.contains("POST") == true,
                "\(String(describing: answer["access-control-allow-methods"]))"
            )
            #expect(answer["access-control-allow-headers"] == "authorization,content-type,x-stainless-lang")
            #expect(answer["access-control-max-age"] == "7200")
            #expect(answer["access-control-allow-credentials"] == nil)
            #expect(answer["vary"]?.contains("origin") == true, "\(String(describing: answer["vary"]))")
            #expect(answer["content-length"] == nil)

            let other = try await server.curl(
                "/v1/chat/completions",
                speaking,
                arguments: Self.preflight + Self.stranger
            )
            #expect(other.status == 405)
            #expect(grants(other).isEmpty)
        }
    }

    @Test func everyKindOfAnswerCarriesTheFields() async throws {
        try await withServer(settings: Self.settings) { server, _ in
            let unknown = #"{"model":"none","messages":[]}"#
            for (path, body, status) in [
                ("/v1/models", nil, 200), ("/health", nil, 200), ("/nothing", nil, 404),
                ("/v1/chat/completions", chat(stream: true), 200), ("/v1/chat/completions", chat(stream: false), 200),
                ("/v1/chat/completions", unknown, 404), ("/v1/chat/completions", "{", 400),
            ] {
                let answer = try await server.curl(path, body: body, arguments: Self.page)
                #expect(answer.status == status)
                #expect(answer["access-control-allow-origin"] == "https://chat.example", "\(path)")
                #expect(
                    answer["access-control-expose-headers"]?.contains("x-request-id, ") == true,
                    "\(String(describing: answer["access-control-expose-headers"]))"
                )
                #expect(answer["vary"] == "origin")
                for arguments in [[], Self.stranger] {
                    let other = try await server.curl(path, body: body, arguments: arguments)
                    #expect(other.status == status)
                    #expect(grants(other).isEmpty, "\(path)")
                }
            }
        }
    }

    /// The CORS fields are also in the head of a stream that the server sends before the executor has answered.
    @Test func aStreamThatWasCommittedEarlyCarriesThem() async throws {
        try await withServer(executor: ["--prefill", "2500ms"], settings: Self.settings + "\ncommit_after: 100ms") {
            server,
            _ in
            let answer = try await server.curl("/v1/chat/completions", body: chat(), arguments: Self.page)
            #expect(answer.body.hasPrefix(": keep-alive"))
            #expect(answer["access-control-allow-origin"] == "https://chat.example")
        }
    }

    /// CORS fields of executors are dropped, whether `cors` is configured or not.
    @Test(arguments: ["", Self.settings, "cors: {origins: ['*']}"])
    func executorsOwnFieldsNeverPass(settings: String) async throws {
        let executor = try HandMadeExecutor()
        try await withServer(Configuration(executors: [executor.url], settings: settings)) { server in
            async let asked = server.curl("/v1/chat/completions", body: chat(stream: false), arguments: Self.page)
            let connection = try await executor.accept()
            let heard = try await connection.receiveRequest()
            #expect(heard["origin"] == nil)
            let own = "access-control-allow-origin: https://evil.example\r\naccess-control-allow-credentials: true\r\n"
            try await connection.answer(#"{"id":"x","choices":[]}"#, more: own)
            let answer = try await asked
            #expect(answer.status == 200)
            #expect(answer["access-control-allow-credentials"] == nil)
            let granted = answer.fields.filter { $0.name == "access-control-allow-origin" }.map(\.value)
            switch settings {
            case "":
                #expect(granted == [])
                #expect(answer["vary"] == nil)
            case Self.settings: #expect(granted == ["https://chat.example"])
            default: #expect(granted == ["*"])
            }
        }
    }

    @Test func withoutOriginsAPreflightIsARequestLikeAnyOther() async throws {
        try await withServer { server, _ in
            let answer = try await server.curl("/v1/chat/completions", arguments: Self.preflight + Self.page)
            #expect(answer.status == 405)
            #expect(grants(answer).isEmpty)
        }
    }
}
