import Testing

/// Client, executor and log see the same id of an exchange.
///
/// It is the client's id if that is well-formed, else a new one.
@Suite struct RequestIDTests {
    @Test(arguments: ["given-1.x_Y", String(repeating: "a", count: 128)])
    func aGivenIDIsKept(id: String) async throws {
        try await withServer { server, executor in
            for speaking in [Protocol.http1, .http2] {
                let answer = try await server.curl(
                    "/v1/chat/completions",
                    speaking,
                    body: chat(),
                    arguments: ["--header", "x-request-id: \(id)"]
                )
                #expect(answer["x-request-id"] == id)
                try await expect(executor.get("/simulator/last").json.headers["x-request-id"].string, is: id)
            }
            _ = try await server.logged("the id") { $0.request_id.string == id }
        }
    }

    @Test(arguments: ["", "two words", "<script>", "ünï", String(repeating: "a", count: 129)])
    func anIDThatIsNotWellFormedIsReplaced(id: String) async throws {
        try await withServer { server, executor in
            let answer = try await server.curl(
                "/v1/chat/completions",
                body: chat(),
                arguments: ["--header", "x-request-id: \(id)"]
            )
            let made = try #require(answer["x-request-id"])
            // A new id is a UUID, because llama-cpp-python answers 400 to any other id.
            #expect(made.wholeMatch(of: #/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/#) != nil)
            try await expect(executor.get("/simulator/last").json.headers["x-request-id"].string, is: made)
        }
    }

    @Test func noTwoRequestsShareOne() async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"])) { server in
            let client = try await server.connect()
            var seen: Set<String> = []
            for _ in 0..<100 {
                try await client.send("GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
                seen.insert(try #require(try await client.receiveAnswer()["x-request-id"]))
            }
            #expect(seen.count == 100)
        }
    }
}
