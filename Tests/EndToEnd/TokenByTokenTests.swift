import Testing

/// Each token reaches the client before the executor sends the next one.
///
/// The test measures no time: it sends an event only after the client has received the previous one.
@Suite struct TokenByTokenTests {
    @Test(arguments: ProtocolTests.Way.all)
    func aTokenArrivesBeforeTheNextIsSent(_ way: ProtocolTests.Way) async throws {
        let executor = try HandMadeExecutor()
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer(Configuration(executors: [executor.url])) { server in
            let curl = try await server.streamingCurl(
                "/v1/chat/completions",
                way.speaking,
                secure: way.secure,
                body: chat(),
                arguments: way.arguments,
                in: scratch
            )
            let connection = try await executor.accept()
            _ = try await connection.receiveRequest()
            try await connection.sendStreamHead()
            for number in 0..<20 {
                try await connection.sendChunk(chatEvent("token-\(number).", isLast: number == 19))
                _ = try await eventually("token \(number) at the client") {
                    curl.output.contains("token-\(number).") ? true : nil
                }
            }
            try await connection.sendChunk("data: [DONE]\n\n")
            // The client's stream ends at `[DONE]`, before the executor ends its own.
            try await expect(curl.ending()) { $0 == .exited(0) }
            #expect(curl.output.hasSuffix("data: [DONE]\n\n"))
            try await connection.send("0\r\n\r\n")
        }
    }

    @Test(arguments: [1, 2, 5], [Protocol.http1, .http2])
    func everyTokenThatTheExecutorCountedIsAtTheClient(count: Int, speaking: Protocol) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer(settings: "timeouts: {stall: 60s}") { server, executor in
            let fault = #""simulator":{"fault":"stall_after:\#(count)","pace":500}"#
            let curl = try await server.streamingCurl(
                body: chat(tokens: 100, more: fault),
                in: scratch
            )
            try await executor.counter("emitted", reaches: count)
            // The executor sends nothing more, so the tokens must arrive without further traffic that flushes them.
            _ = try await eventually("\(count) tokens at the client") {
                eventData(curl.output).count == count + 1 ? true : nil
            }
            #expect(curl.isRunning)
            try await curl.stop()
            try await executor.counter("aborted", reaches: 1)
        }
    }

    @Test func anEventThatIsCutIntoManyWritesArrivesOnceItIsWhole() async throws {
        let executor = try HandMadeExecutor()
        try await withServer(Configuration(executors: [executor.url])) { server in
            let client = try await server.connect()
            let body = chat()
            try await client.send(
                "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
            )
            let connection = try await executor.accept()
            _ = try await connection.receiveRequest()
            try await connection.sendStreamHead()
            try await connection.sendChunk(chatEvent("first"))
            _ = try await client.receive(until: "first")
            let event = chatEvent("last", isLast: true)
            let half = event.prefix(event.count / 2)
            try await connection.sendChunk(String(half))
            // The edge holds half an event back, because otherwise it could send a keep-alive comment in the middle.
            await #expect(throws: Unmet.self) { try await client.receive(until: "chunk", within: .milliseconds(200)) }
            try await connection.sendChunk(String(event.dropFirst(half.count)))
            _ = try await client.receive(until: "last")
            try await connection.sendChunk("data: [DONE]\n\n")
            _ = try await client.receive(until: "[DONE]")
        }
    }
}
