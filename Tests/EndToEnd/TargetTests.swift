import Testing

/// The edge normalizes the path of a request, matches it with its endpoints, and sends the normalized path to the
/// executor.
///
/// It passes on the query unchanged.
@Suite struct TargetTests {
    @Test(arguments: [
        "/v1/messages?beta=true", "/v1/chat/completions?a=b&c=%2F%20+x", "/v1/chat/completions?",
        "/v1/chat/completions?x=/../y//z",
    ])
    func queriesPassAsTheyAre(target: String) async throws {
        try await withServer { server, executor in
            for speaking in [Protocol.http1, .http2] {
                try await expect(server.curl(target, speaking, body: chat(stream: false))) { $0.status == 200 }
                try await expect(executor.get("/simulator/last").json.target.string, is: target)
            }
            // The log omits the query, because a query may hold a key.
            let path = String(target.prefix { $0 != "?" })
            let line = try await server.logged("the request") { $0.status.int == 200 }
            #expect(line.path.string == path)
        }
    }

    @Test(arguments: [
        ("org/name", "/v1/models/org/name"), ("org/name", "/v1/models/org%2Fname"),
        ("org/name", "/v1/models/org%2fname"), ("org/name", "/models/org/name"), ("/abs/path", "/v1/models//abs/path"),
        ("/abs/path", "/v1/models/%2Fabs%2Fpath"), ("spaced name", "/v1/models/spaced%20name"),
        ("org/name", "/v1/models/alias%2Fof"), ("org/name", "/v1/models/org/name?x=y"),
    ])
    func aModelIsFoundByItsID(id: String, path: String) async throws {
        let models = """
            - id: org/name
              aliases: [alias/of]
              executors: [{url: "http://127.0.0.1:1"}]
            - id: /abs/path
              executors: [{url: "http://127.0.0.1:1"}]
            - id: spaced name
              executors: [{url: "http://127.0.0.1:1"}]
            """
        try await withServer(Configuration(models: models)) { server in
            for speaking in [Protocol.http1, .http2] {
                let answer = try await server.curl(path, speaking)
                #expect(answer.status == 200)
                try expect(answer.json.id.string, is: id)
            }
        }
    }

    @Test(arguments: ["/v1/../v1/models", "/v1/models/%2e%2e/models", "/v1/models/..%2fmodels", "/%2E", "/v1/..;/x"])
    func dotSegmentsAreRefused(path: String) async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"])) { server in
            for speaking in [Protocol.http1, .http2] {
                for body in [nil, chat()] {
                    let answer = try await server.curl(path, speaking, body: body)
                    #expect(answer.status == 400)
                }
            }
        }
    }

    @Test(arguments: ["//v1/models", "/V1/models", "/v1/models/", "/models/"])
    func whatWasProbablyMeantIsSaidAndNotDone(path: String) async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"])) { server in
            for speaking in [Protocol.http1, .http2] {
                let answer = try await server.curl(path, speaking)
                #expect(answer.status == 404)
                try expect(answer.json) { $0.error.message.string?.contains("Did you mean GET /v1/models?") == true }
            }
        }
    }

    @Test func anEscapedPathIsWhatItSpells() async throws {
        try await withServer { server, executor in
            for speaking in [Protocol.http1, .http2] {
                let path = "/v1/%63hat/completion%73?a=%62"
                let answer = try await server.curl(path, speaking, body: chat(stream: false))
                #expect(answer.status == 200)
                let target = try await executor.get("/simulator/last").json.target.string
                #expect(target == "/v1/chat/completions?a=%62")
            }
        }
    }

    /// The edge answers 404 for a path that the API does not have, unless the model's configuration allows the path.
    @Test func anotherPathReachesNobodyUnlessItsModelHasIt() async throws {
        try await withExecutor { executor in
            let models = """
                - id: demo
                  executors: [{url: "\(executor.url)", health: {interval: 0s}}]
                - id: open
                  passthrough: [/v1/load_lora_adapter]
                  executors: [{url: "\(executor.url)", health: {interval: 0s}}]
                """
            try await withServer(Configuration(models: models)) { server in
                for path in ["/v1/load_lora_adapter", "/v1/something/new", "/sleep"] {
                    let answer = try await server.curl(path, body: #"{"model":"demo","lora_name":"x"}"#)
                    let last = try await executor.get("/simulator/last").json
                    #expect(answer.status == 404)
                    #expect(last.method.string == "")
                }
                // The model `open` allows this path, so the request reaches the executor. The client gets the
                // executor's 404.
                let answer = try await server.curl("/v1/load_lora_adapter", body: #"{"model":"open","lora_name":"x"}"#)
                let last = try await executor.get("/simulator/last").json
                #expect(answer.status == 404)
                #expect(last.target.string == "/v1/load_lora_adapter")
            }
        }
    }

    @Test(arguments: ["/", "/health", "/models", "/v1/models"])
    func itIsThere(path: String) async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"])) { server in
            for speaking in [Protocol.http1, .http2] {
                let answer = try await server.curl(path, speaking)
                #expect(answer.status == 200)
                try expect(answer.json) { !$0.keys.isEmpty }
            }
        }
    }
}
