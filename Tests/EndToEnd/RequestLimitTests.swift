import Testing

/// Limits on the size and the duration of a client's request.
@Suite struct RequestLimitTests {
    private static let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"

    @Test func aBodyThatSaysItIsTooLargeIsRefusedBeforeItIsRead() async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"], settings: "limits: {body: 1KiB}")) {
            let client = try await $0.connect()
            // The client sends only the head, and none of the body.
            try await client.send(Self.head + "content-length: 1025\r\n\r\n")
            let answer = try await client.receiveAnswer()
            #expect(answer.status == 413)
            #expect(answer["connection"] == "close")
            try expect(answer.json) { $0.error.code.string == "body_too_large" }
        }
    }

    @Test func aBodyOfUnknownLengthIsRefusedWhereItPassesTheLimit() async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"], settings: "limits: {body: 1KiB}")) {
            let client = try await $0.connect()
            try await client.send(Self.head + "transfer-encoding: chunked\r\n\r\n")
            let chunk = "200\r\n" + String(repeating: " ", count: 512) + "\r\n"
            try await client.send(chunk + chunk)
            try await client.send("1\r\n \r\n")
            let answer = try await client.receiveAnswer()
            #expect(answer.status == 413)
            #expect(answer["connection"] == "close")
        }
    }

    @Test func aBodyAtTheLimitIsTaken() async throws {
        try await withServer(settings: "limits: {body: 1KiB}") { server, _ in
            let bare = chat(stream: false, prompt: "")
            let body = chat(stream: false, prompt: String(repeating: "x", count: 1024 - bare.utf8.count))
            #expect(body.utf8.count == 1024)
            let good = try await server.curl("/v1/chat/completions", body: body)
            let large = try await server.curl("/v1/chat/completions", body: body + " ")
            #expect([good.status, large.status] == [200, 413])
        }
    }

    @Test(arguments: [["--field", "content-length:1025"], []])
    func aLargeBodyIsRefusedOnHTTP2(fields: [String]) async throws {
        let settings = "limits: {body: 1KiB}"
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"], settings: settings)) { server in
            let body = fields.isEmpty ? ["--body", String(repeating: " ", count: 1025)] : []
            let seen = try await server.rawHTTP2(
                "request",
                arguments: ["--method", "POST", "--path", "/v1/messages", "--unfinished"] + fields + body
            )
            let answer = try #require(seen.first)
            #expect(answer.status.int == 413)
            try expect(JSON(parsing: answer.body.string ?? "")) { $0.error.type.string == "request_too_large" }
            // NO_ERROR tells the client not to send the rest of its body (RFC 9113 section 8.1).
            #expect(answer.ended.bool == true)
            #expect(answer.reset.int == 0)
            #expect(answer.goaway.isNull)
        }
    }

    /// A client that is refused while it sends its body must get the response, not a broken connection.
    @Test(arguments: [2000, 3_000_000], ProtocolTests.Way.all)
    func aClientInTheMidstOfItsBodySeesTheRefusal(size: Int, way: ProtocolTests.Way) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let settings = "limits: {body: 1KiB}"
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"], settings: settings)) { server in
            let body = try scratch.write(chat(prompt: String(repeating: "x", count: size)), to: "body.json")
            for _ in 0..<5 {
                let answer = try await server.curl(
                    "/v1/chat/completions",
                    way.speaking,
                    secure: way.secure,
                    body: "@" + body,
                    arguments: way.arguments + ["--header", "expect:"]
                )
                #expect(answer.status == 413)
                #expect(answer.exitCode == 0)
                try expect(answer.json) { $0.error.code.string == "body_too_large" }
            }
        }
    }

    @Test func aHeadThatDoesNotEndIsTimedOut() async throws {
        let settings = "timeouts: {header: 300ms}"
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"], settings: settings)) { server in
            let client = try await server.connect()
            try await client.send("GET / HTTP/1.1\r\nhost: x\r\nx: ")
            let answer = try await client.receiveAnswer()
            #expect(answer.status == 408)
            try expect(answer.json) { $0.error.message.string?.isEmpty == false }
            try await expect(client.receiveToEnd()) { $0.text.isEmpty }
        }
    }

    @Test(arguments: ["content-length: 100", "transfer-encoding: chunked"])
    func aBodyThatDoesNotComeIsTimedOut(framing: String) async throws {
        let settings = "timeouts: {body: 300ms}"
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"], settings: settings)) { server in
            for (path, shape) in [("/v1/chat/completions", "request_timeout"), ("/v1/messages", "")] {
                let client = try await server.connect()
                let start = framing.hasPrefix("content") ? "{" : "1\r\n{\r\n"
                try await client.send("POST \(path) HTTP/1.1\r\nhost: x\r\n\(framing)\r\n\r\n\(start)")
                let answer = try await client.receiveAnswer()
                #expect(answer.status == 408)
                if shape.isEmpty {
                    try expect(answer.json) { $0.type.string == "error" }
                    try expect(answer.json) { $0.error.type.string == "timeout_error" }
                } else {
                    try expect(answer.json.error.code.string, is: shape)
                }
                try await expect(client.receiveToEnd()) { $0.text.isEmpty }
            }
        }
    }

    @Test func aBodyThatDoesNotComeIsTimedOutOnHTTP2() async throws {
        let settings = "timeouts: {body: 300ms}"
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"], settings: settings)) { server in
            let seen = try await server.rawHTTP2(
                "request",
                arguments: ["--method", "POST", "--path", "/v1/chat/completions", "--body", "{", "--unfinished"]
            )
            #expect(seen.first?.status.int == 408)
            #expect(seen.first?.ended.bool == true)
            #expect(seen.first?.reset.int == 0)
            #expect(seen.first?.goaway.isNull == true)
        }
    }

    @Test func aBodyThatKeepsComingIsWaitedFor() async throws {
        try await withServer(settings: "timeouts: {body: 3s}") { server, _ in
            let client = try await server.connect()
            let body = chat(stream: false, tokens: 1)
            try await client.send(Self.head + "content-length: \(body.utf8.count)\r\n\r\n")
            // The whole body takes longer than `timeouts.body`. Each piece that arrives begins this timeout anew.
            for piece in stride(from: 0, to: body.utf8.count, by: 7) {
                try await client.send(Array(Array(body.utf8)[piece..<min(piece + 7, body.utf8.count)]))
                try await Task.sleep(for: .milliseconds(300))
            }
            try await expect(client.receiveAnswer()) { $0.status == 200 }
        }
    }

    @Test func anIdleConnectionIsClosedWithoutAWord() async throws {
        let settings = "timeouts: {idle: 2s}"
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"], settings: settings)) { server in
            let client = try await server.connect()
            try await client.send("GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
            try await expect(client.receiveAnswer()) { $0.status == 200 }
            let rest = try await client.receiveToEnd()
            #expect(rest.text.isEmpty)
            #expect(rest.ending == .closed)
        }
    }
}
