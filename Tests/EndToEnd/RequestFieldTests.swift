import Testing

/// Which of a client's header fields an executor gets.
@Suite struct RequestFieldTests {
    private static let dropped = [
        "authorization: Bearer client-secret", "x-api-key: client-secret", "cookie: session=client-secret",
        "forwarded: for=192.0.2.1", "x-forwarded-for: 192.0.2.1", "x-forwarded-proto: https",
        "x-forwarded-host: example.org", "x-forwarded-anything: 1", "cf-connecting-ip: 192.0.2.1", "cf-ray: 1",
        "cf-ipcountry: DE", "accept-encoding: gzip, br",
    ]
    private static let kept = [
        "anthropic-version: 2023-06-01", "anthropic-beta: tools-2024",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "x-request-id: client-chosen.id_1",
        "x-custom: \u{9}spaced  out", "user-agent: tester/1", "accept: text/event-stream",
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
            #expect(sent["host"].string == executor.url.replacing("http://", with: ""))
            #expect(sent["content-type"].string == "application/json")
            #expect(!last.body.contains("client-secret"))
            // Each field once.
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
            #expect(try await client.receiveAnswer().status == 200)
            let sent = try await executor.get("/simulator/last").json.headers
            for name in ["connection", "keep-alive", "x-private", "te", "proxy-authorization", "proxy-connection"] {
                #expect(sent[name].isNull, "\(name)")
            }
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
