import Testing

/// Tests HTTP/1.1 pipelining: a client sends further requests before it has the response to the first.
@Suite struct PipeliningTests {
    @Test func requestsInOneWriteAreAnsweredInOrder() async throws {
        try await withServer { server, _ in
            let client = try await server.connect()
            let body = chat(stream: false, tokens: 2)
            let long = chat(tokens: 5)
            func post(_ body: String) -> String {
                "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
            }
            func get(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nhost: x\r\n\r\n" }
            try await client.send(
                post(long) + get("/health") + post(body) + get("/nothing") + get("/v1/models") + get("/v1/models/demo")
            )
            let stream = try await client.receiveAnswer()
            #expect(eventData(stream.body).last == "[DONE]")
            try await expect(client.receiveAnswer()) { try $0.json.status.string == "ok" }
            try await expect(client.receiveAnswer()) { try $0.json.object.string == "chat.completion" }
            try await expect(client.receiveAnswer()) { $0.status == 404 }
            try await expect(client.receiveAnswer()) { try $0.json.object.string == "list" }
            try await expect(client.receiveAnswer()) { try $0.json.id.string == "demo" }
        }
    }

    @Test func moreRequestsThanTheLookAheadHoldsAreAllAnswered() async throws {
        try await withServer { server, _ in
            let client = try await server.connect()
            let body = chat(tokens: 3)
            let padding = String(repeating: "p", count: 1000)
            let rest = "GET /v1/models HTTP/1.1\r\nhost: x\r\nx-padding: \(padding)\r\n\r\n"
            // While a stream runs, the server reads up to 64 KiB of further requests. These requests are twice as
            // large.
            try await client.send(
                "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
                    + String(repeating: rest, count: 120)
            )
            #expect(eventData(try await client.receiveAnswer().body).last == "[DONE]")
            for _ in 0..<120 { try await expect(client.receiveAnswer()) { try $0.json.object.string == "list" } }
        }
    }

    @Test func aRequestThatComesByteByByteIsServed() async throws {
        try await withServer { server, _ in
            let client = try await server.connect()
            let body = chat(stream: false, tokens: 1)
            let request = """
                POST /v1/chat/completions HTTP/1.1\r
                host: x\r
                transfer-encoding: chunked\r
                \r
                \(String(body.utf8.count, radix: 16))\r
                \(body)\r
                0\r
                \r

                """
            for byte in request.utf8 { try await client.send([byte]) }
            try await expect(client.receiveAnswer()) { $0.status == 200 }
        }
    }

    @Test func connectionCloseIsObeyedAndSaid() async throws {
        try await withServer { server, _ in
            let client = try await server.connect()
            try await client.send("GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            let answer = try await client.receiveAnswer()
            #expect(answer["connection"] == "close")
            try await expect(client.receiveToEnd()) { $0.text.isEmpty }
        }
    }

    @Test func anHTTP10ClientKeepsItsConnectionWhenItAsks() async throws {
        try await withServer { server, _ in
            let client = try await server.connect()
            for _ in 0..<3 {
                try await client.send("GET /health HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
                let answer = try await client.receiveAnswer()
                #expect(answer.status == 200)
                #expect(answer["connection"] == "keep-alive")
            }
        }
    }
}
