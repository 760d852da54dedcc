import Testing

/// Tests every endpoint whose requests name a model: the request reaches an executor of the model.
@Suite struct EndpointTests {
    private static let requests = [
        ("/v1/completions", #"{"model":"demo","prompt":"x","max_tokens":2}"#, "choices"),
        ("/v1/chat/completions", #"{"model":"demo","messages":[{"role":"user","content":"x"}]}"#, "choices"),
        ("/v1/embeddings", #"{"model":"demo","input":["a","b"]}"#, "data"),
        ("/v1/rerank", #"{"model":"demo","query":"x","documents":["a","b"]}"#, "results"),
        ("/v1/responses", #"{"model":"demo","input":"x","max_output_tokens":2}"#, "output"),
        ("/v1/messages", #"{"model":"demo","max_tokens":2,"messages":[{"role":"user","content":"x"}]}"#, "content"),
        (
            "/v1/messages/count_tokens", #"{"model":"demo","messages":[{"role":"user","content":"x"}]}"#,
            "input_tokens"
        ),
    ]

    @Test(arguments: requests, [Protocol.http1, .http2])
    func itPassesBothWays(_ request: (path: String, body: String, member: String), speaking: Protocol) async throws {
        try await withServer { server, executor in
            let answer = try await server.curl(request.path, speaking, body: request.body)
            #expect(answer.status == 200)
            #expect(try !answer.json[request.member].isNull, "\(answer.body)")
            let last = try await executor.get("/simulator/last").json
            #expect(last.target.string == request.path)
            #expect(last.body.string == request.body)
        }
    }

    /// The server passes on a request for an endpoint that the executor lacks, and the client gets the executor's
    /// 404.
    @Test func anEndpointThatTheExecutorLacksIsAskedForToo() async throws {
        try await withServer { server, executor in
            let body = #"{"model":"demo","text":"x"}"#
            let answer = try await server.curl("/v1/moderations", body: body)
            #expect(answer.status == 404)
            let line = try await server.logged("the request") { $0.path.string == "/v1/moderations" }
            #expect(line.side.string == "client")
            #expect(line.attempts.int == 1)
            try await expect(executor.get("/simulator/last").json.body.string, is: body)
        }
    }

    @Test func aBodyNeedNotSayThatItIsJSON() async throws {
        try await withServer { server, _ in
            for type in ["text/plain", "application/x-www-form-urlencoded", ""] {
                let answer = try await server.curl(
                    "/v1/chat/completions",
                    body: chat(stream: false),
                    arguments: ["--header", "content-type: \(type)"]
                )
                #expect(answer.status == 200)
            }
        }
    }

    @Test func anAnswerThatIsLargerThanWhatIsHeldPasses() async throws {
        try await withServer { server, _ in
            for speaking in [Protocol.http1, .http2] {
                let answer = try await server.curl(
                    "/v1/chat/completions",
                    speaking,
                    body: chat(stream: false, more: #""simulator":{"fault":"big_body:5000000"}"#)
                )
                #expect(answer.exitCode == 0)
                try expect(answer.json) { $0.choices[0].message.content.string?.utf8.count == 5_000_000 }
            }
        }
    }
}
