import Testing

/// A request body passes byte for byte, except for the model's name and, in streams, `include_usage`.
@Suite struct ModelRewriteTests {
    private static let models = #"""
        - id: public/name
          aliases: [short, "/models/Ünï/code"]
          executors:
            - url: URL
              model: Org/Real-Name
        """#

    private func withRenamedModel(
        _ more: String = "",
        _ body: (Server, Executor) async throws -> Void
    ) async throws {
        try await withExecutor(["--model", "Org/Real-Name"]) { executor in
            let models = Self.models.replacing("URL", with: executor.url) + more
            try await withServer(Configuration(models: models)) { try await body($0, executor) }
        }
    }

    @Test(arguments: ["public/name", "short", "/models/Ünï/code"])
    func anAliasIsItsModel(name: String) async throws {
        try await withRenamedModel { server, executor in
            let body = #"{"model":"\#(name)","messages":[{"role":"user","content":"x"}],"max_tokens":2}"#
            let answer = try await server.curl("/v1/chat/completions", body: body)
            #expect(answer.status == 200)
            let sent = try await executor.get("/simulator/last").json.body.string
            #expect(sent == body.replacing(#""\#(name)""#, with: #""Org/Real-Name""#))
            let line = try await server.logged("the request") { $0.status.int == 200 }
            #expect(line.model.string == "public/name")
        }
    }

    /// Unusual but valid JSON: white space, escapes, numbers that a double cannot hold, unknown members, any order of
    /// keys.
    private static let odd = #"""
          {
        	"unknown" : {"model": "not this one", "deep": [[[{}]]], "big": 12345678901234567890.123456789012345678901e-5},
          "messages":[ {"content":"\u0041\ud83d\ude00 \/ é 😀" , "role":"user"} ]  ,
          "mod\u0065l" :
             "sh\u006frt"  , "max_tokens":2, "logit_bias":{"1":1.0,"2":-1.50},
          "trailing" : null }
        """# + "\r\n  "

    @Test func everythingElseIsUnchanged() async throws {
        try await withRenamedModel { server, executor in
            let scratch = try Scratch()
            defer { scratch.remove() }
            let file = try scratch.write(Self.odd, to: "body.json")
            for speaking in [Protocol.http1, .http2] {
                let answer = try await server.curl("/v1/chat/completions", speaking, body: "@" + file)
                #expect(answer.status == 200)
                let sent = try await executor.get("/simulator/last").json
                #expect(sent.body.string == Self.odd.replacing(#""sh\u006frt""#, with: #""Org/Real-Name""#))
                #expect(sent.headers["content-length"].string == sent.body_bytes.int.map { "\($0)" })
            }
        }
    }

    @Test func aBodyOfManyPiecesIsUnchanged() async throws {
        try await withRenamedModel { server, executor in
            let scratch = try Scratch()
            defer { scratch.remove() }
            // The body exceeds 1 MiB, from which on the `scan` thread reads bodies; the model is the last member.
            let prompt = (0..<200_000).map { "word\($0) " }.joined()
            let body = #"{"messages":[{"role":"user","content":"\#(prompt)"}],"max_tokens":1,"model":"short"}"#
            let file = try scratch.write(body, to: "body.json")
            let answer = try await server.curl("/v1/chat/completions", body: "@" + file)
            #expect(answer.status == 200)
            let sent = try await executor.get("/simulator/last").json.body.string
            #expect(sent == body.replacing(#""short""#, with: #""Org/Real-Name""#))
        }
    }

    @Test func aModelOfTheSameNameIsNotTouched() async throws {
        try await withServer { server, executor in
            let body = #"{ "max_tokens":1,"model" : "d\u0065mo", "messages":[{"role":"user","content":"x"}] }"#
            let answer = try await server.curl("/v1/chat/completions", body: body)
            #expect(answer.status == 200)
            try await expect(executor.get("/simulator/last").json.body.string, is: body)
        }
    }
}
