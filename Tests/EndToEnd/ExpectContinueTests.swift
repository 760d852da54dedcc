import Testing

/// Tests `Expect: 100-continue`, with which a client sends its body only after the server's 100 response.
@Suite struct ExpectContinueTests {
    @Test(arguments: [true, false])
    func aLargeBodyIsAskedFor(secure: Bool) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer { server, executor in
            let body = chat(stream: false, prompt: String(repeating: "word ", count: 2 << 20 / 5))
            let file = try scratch.write(body, to: "body.json")
            // Without a 100 response curl would wait for a minute, which exceeds the test's limit.
            let answer = try await server.curl(
                "/v1/chat/completions",
                .http1,
                secure: secure,
                body: "@" + file,
                arguments: ["--header", "Expect: 100-continue", "--expect100-timeout", "60"],
                within: .seconds(50)
            )
            #expect(answer.status == 200)
            try expect(answer.json) { $0.choices[0].message.content.string?.isEmpty == false }
            try await expect(executor.get("/simulator/last").json.body_bytes.int, is: body.utf8.count)
        }
    }

    @Test func theInterimAnswerComesBeforeTheBody() async throws {
        try await withServer { server, _ in
            let client = try await server.connect()
            let body = chat(stream: false)
            try await client.send(
                """
                POST /v1/chat/completions HTTP/1.1\r
                host: x\r
                content-length: \(body.utf8.count)\r
                expect: 100-continue\r
                \r

                """
            )
            try await expect(client.receiveAnswer()) { $0.status == 100 }
            try await client.send(body)
            try await expect(client.receiveAnswer()) { $0.status == 200 }
        }
    }

    @Test func aRequestThatIsRefusedAnywayIsNotAskedForItsBody() async throws {
        try await withServer(settings: "limits: {body: 1KiB}") { server, _ in
            let client = try await server.connect()
            try await client.send(
                "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\nexpect: 100-continue\r\n\r\n"
            )
            try await expect(client.receiveAnswer()) { $0.status == 413 }
        }
    }
}
