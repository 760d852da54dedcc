import Testing

/// Which header fields of a client's request are passed on to the executor.
@Suite struct RequestFieldTests {
    private static let dropped = [
        "authorization: Bearer client-secret", "x-api-key: client-secret", "cookie: session=client-secret",
        "forwarded: for=192.0.2.1", "x-forwarded-for: 192.0.2.1", "x-forwarded-proto: https",
        "x-forwarded-host: example.org", "x-forwarded-anything: 1", "cf-connecting-ip: 192.0.2.1", "cf-ray: 1",
        "cf-ipcountry: DE", "accept-encoding: gzip, br", "api-key: client-secret", "x-goog-api-key: client-secret",
        "openai-organization: org", "chatgpt-account-id: account", "x-vllm-priority: -1", "x-data-parallel-rank: 3",
        "session_id: s", "x-custom: 1", "accept-language: de", "http-referer: https://a.example", "x-title: A",
    ]
    private static let kept = [
        "anthropic-version: 2023-06-01", "anthropic-beta: tools-2024",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "x-request-id: client-chosen.id_1",
        "x-session-id: \u{9}spaced  out", "user-agent: tester/1", "accept: text/event-stream",
        "x-stainless-lang: python", "x-codex-turn-state: sticky", "openai-beta: responses=v1",
    ]

    @Test(arguments: [(Protocol.http1, true), (.http2, true), (.http1, false), (.http2PriorKnowledge, false)])
    func onlyWhatIsTheExecutorsBusinessPasses(speaking: Protocol, secure: Bool) async throws {
        try await withServer { server, executor in
            let fields = (Self.dropped + Self.kept).flatMap { ["--header", $0] }
            let answer = try await server.curl(
                "/v1/chat/completions",
                speaking,
                secure: secure,
                body: chat(stream: false),
                arguments: fields
            )
            #expect(answer.status == 200)
            let last = try await executor.get("/simulator/last")
            let sent = try last.json.headers
            for field in Self.dropped where !field.hasPrefix("accept-encoding") {
                #expect(sent[String(field.prefix { $0 != ":" })].isNull, "\(field)")
            }
            for field in Self.kept {
                let value = field.drop { $0 != ":" }.dropFirst().trimmingPrefix { $0 == " " || $0 == "\t" }
                #expect(sent[String(field.prefix { $0 != ":" })].string == String(value), "\(field)")
            }
            #expect(sent["accept-encoding"].string == "identity")
            let version = speaking == .http1 ? "1.1" : "2"
            #expect(sent.via.string == "\(version) freeinference")
            #expect(sent["host"].string == executor.url.replacing("http://", with: ""))
            #expect(sent["content-type"].string == "application/json")
            #expect(!last.body.contains("client-secret"))
            // No field name occurs twice.
            let names = try last.json.fields.array.compactMap { $0[0].string }
            #expect(Set(names).count == names.count)
        }
    }

    @Test func hopByHopFieldsAndThoseTheyNameStay() async throws {
        try await withServer { server, executor in
            let client = try await server.connect()
            let body = chat(stream: false)
            try await client.send(
                """
                POST /v1/chat/completions HTTP/1.1\r
                host: x\r
                connection: keep-alive, x-private\r
                keep-alive: timeout=5\r
                x-private: secret\r
                te: trailers\r
                proxy-authorization: Basic eA==\r
                proxy-connection: keep-alive\r
                content-length: \(body.utf8.count)\r
                \r
                \(body)
                """
            )
            try await expect(client.receiveAnswer()) { $0.status == 200 }
            let sent = try await executor.get("/simulator/last").json.headers
            for name in ["connection", "keep-alive", "x-private", "te", "proxy-authorization", "proxy-connection"] {
                #expect(sent[name].isNull, "\(name)")
            }
        }
    }

    @Test func anOperatorLetsFieldsThroughAndKeepsTheUserAgent() async throws {
        try await withExecutor { executor in
            let models = """
                - id: demo
                  forward_fields: [x-openrouter-*]
                  executors: [{url: "\(executor.url)", health: {interval: 0s}}]
                """
            let settings = "forward_fields: [HTTP-Referer, x-title]\nforward_user_agent: false"
            try await withServer(Configuration(settings: settings, models: models)) { server in
                let fields = [
                    "http-referer: https://a.example", "x-title: A", "x-openrouter-title: A", "x-openrouter-api-key: k",
                    "user-agent: tester/1", "x-custom: 1",
                ]
                let answer = try await server.curl(
                    "/v1/chat/completions",
                    body: chat(stream: false),
                    arguments: fields.flatMap { ["--header", $0] }
                )
                #expect(answer.status == 200)
                let sent = try await executor.get("/simulator/last").json.headers
                #expect(sent["http-referer"].string == "https://a.example")
                #expect(sent["x-title"].string == "A")
                #expect(sent["x-openrouter-title"].string == "A")
                #expect(sent["x-openrouter-api-key"].isNull)
                #expect(sent["user-agent"].isNull)
                #expect(sent["x-custom"].isNull)
            }
        }
    }

    /// The SDKs' own fields reach the engine, because its maker asks for them when a request fails.
    @Test func theFieldsOfTheSDKsReachTheEngine() async throws {
        try await withServer { server, executor in
            _ = try await server.openAISDK("nonstream", http2: true)
            let openAI = try await executor.get("/simulator/last").json.headers
            _ = try await server.anthropicSDK("nonstream", http2: false)
            let anthropic = try await executor.get("/simulator/last").json.headers
            for (sent, agent) in [(openAI, "OpenAI/Python"), (anthropic, "Anthropic/Python")] {
                #expect(
                    sent["user-agent"].string?.hasPrefix(agent) == true,
                    "\(String(describing: sent["user-agent"].string))"
                )
                #expect(sent["x-stainless-lang"].string == "python")
                #expect(sent["x-stainless-retry-count"].string == "0")
                #expect(sent["content-type"].string == "application/json")
                #expect(sent.accept.string == "application/json")
                #expect(sent.authorization.isNull)
                #expect(sent["x-api-key"].isNull)
                #expect(sent.cookie.isNull)
            }
            // A date, which a release of the SDK may change.
            #expect(anthropic["anthropic-version"].string?.count == 10)
            #expect(openAI["anthropic-version"].isNull)
        }
    }

    @Test func anExecutorsKeyIsItsOwn() async throws {
        try await withExecutor { executor in
            let models = "- id: demo\n  executors:\n    - url: \(executor.url)\n      api_key: ${EXECUTOR_KEY}"
            try await withServer(
                Configuration(models: models),
                yaml: nil,
                environment: ["EXECUTOR_KEY": "executor-secret"]
            ) { server in
                let answer = try await server.curl(
                    "/v1/chat/completions",
                    body: chat(stream: false),
                    arguments: ["--header", "authorization: Bearer client-secret"]
                )
                #expect(answer.status == 200)
                let sent = try await executor.get("/simulator/last").json.headers
                #expect(sent.authorization.string == "Bearer executor-secret")
                _ = try await server.logged("the request") { $0.status.int == 200 }
                #expect(!(server.process.output + server.process.errors).contains("secret"))
            }
        }
    }
}
