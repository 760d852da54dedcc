import Testing

/// Tests `redirect_https`, with which a cleartext listener redirects every request to HTTPS.
@Suite struct HTTPSRedirectTests {
    private func withRedirect(_ body: (Server, Executor) async throws -> Void) async throws {
        try await withExecutor { executor in
            let configuration = Configuration(executors: [executor.url])
            let clear = "  - address: 127.0.0.1:\(configuration.clear)\n"
            let yaml = configuration.yaml(try await Certificates.shared())
                .replacing(clear, with: clear + "    redirect_https: true\n")
            try await withServer(configuration, yaml: yaml) { try await body($0, executor) }
        }
    }

    @Test(arguments: Protocol.allCases) func everyRequestIsSentToHTTPS(speaking: Protocol) async throws {
        try await withRedirect { server, executor in
            for (path, body) in [("/v1/models?x=%2F", nil), ("/", nil), ("/v1/chat/completions", chat())] {
                let answer = try await server.curl(path, speaking, secure: false, body: body)
                #expect(answer.status == 308)
                #expect(answer.exitCode == 0)
                #expect(answer["location"] == server.tls + path)
                #expect(answer["content-length"] == "0")
                #expect(answer.body.isEmpty)
            }
            let counters = try await executor.counters()
            #expect(counters.finished.int == 0)
        }
    }

    @Test func followedItIsTheSameRequest() async throws {
        try await withRedirect { server, _ in
            let arguments = ["--location", "--cacert", server.certificates.authority]
            let answer = try await server.curl(
                "/v1/chat/completions",
                secure: false,
                body: chat(stream: false),
                arguments: arguments
            )
            #expect(answer.status == 200)
            try expect(answer.json) { $0.choices[0].message.content.string?.isEmpty == false }
        }
    }

    @Test func healthIsAnsweredInClear() async throws {
        try await withRedirect { server, _ in
            let health = try await server.curl("/health", secure: false)
            #expect(health.status == 200)
            let challenge = try await server.curl("/.well-known/acme-challenge/x", secure: false)
            #expect(challenge.status == 404)
            let models = try await server.curl("/v1/models")
            #expect(models.status == 200)
        }
    }

    @Test func aRequestThatNamesNoHostIsRefused() async throws {
        try await withRedirect { server, _ in
            let client = try await server.connect()
            try await client.send("GET /v1/models HTTP/1.0\r\n\r\n")
            let answer = try await client.receiveAnswer()
            #expect(answer.status == 400)
        }
    }

    @Test func theLogHasIt() async throws {
        try await withRedirect { server, _ in
            _ = try await server.curl("/v1/models", secure: false)
            let line = try await server.logged("the redirect") { $0.status.int == 308 }
            #expect(line.path.string == "/v1/models")
            #expect(line.end.string == "complete")
        }
    }
}
