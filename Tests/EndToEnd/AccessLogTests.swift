import Testing

/// The access log: one JSON line on stdout for each exchange, without prompts or keys.
@Suite struct AccessLogTests {
    private static let prompt = "PRIVATE-PROMPT-TEXT"

    @Test func aStreamsLineExplainsIt() async throws {
        try await withServer { server, executor in
            let answer = try await server.curl("/v1/chat/completions", body: chat(tokens: 5))
            let line = try await server.logged("the stream") { $0.stream.bool == true }
            #expect(line.request_id.string == answer["x-request-id"])
            #expect(line.client.string == "127.0.0.1")
            #expect(line["protocol"].string == "HTTP/2")
            #expect(line.method.string == "POST")
            #expect(line.path.string == "/v1/chat/completions")
            #expect(line.status.int == 200)
            #expect(line.end.string == "complete")
            #expect(line.model.string == "demo")
            #expect(line.executor.string == executor.url)
            #expect(line.bytes_in.int == chat(tokens: 5).utf8.count)
            #expect(line.bytes_out.int == answer.body.utf8.count)
            #expect(line.tokens.int == 5)
            #expect(line.tokens_estimated.bool == false)
            #expect(line.prompt_tokens.int.map { $0 > 0 } == true, "\(String(describing: line.prompt_tokens.int))")
            #expect(line.finish_reason.string == "length")
            for time in ["duration_ms", "body_ms", "wait_ms", "first_token_ms", "gap_mean_ms", "gap_max_ms"] {
                #expect(line[time].double.map { $0 >= 0 } == true, "\(time): \(line[time])")
            }
            #expect(line.time.string?.hasSuffix("Z") == true, "\(String(describing: line.time.string))")
        }
    }

    @Test func everyExchangeHasOneLine() async throws {
        try await withServer { server, _ in
            let client = try await server.connect()
            for _ in 0..<20 {
                let body = chat(stream: false, tokens: 1)
                try await client.send(
                    "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
                )
                try await expect(client.receiveAnswer()) { $0.status == 200 }
            }
            try await client.send("GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n")
            try await expect(client.receiveAnswer()) { $0.status == 404 }
            _ = try await server.logged("the last") { $0.status.int == 404 }
            let log = try await server.settledLog()
            #expect(log.count == 21)
            #expect(Set(log.compactMap(\.request_id.string)).count == 21)
            // The output has no lines besides the 21 lines that were parsed as JSON.
            #expect(server.process.output.split(separator: "\n").count == 21)
        }
    }

    @Test func whoEndedItIsSaid() async throws {
        try await withServer(settings: "timeouts: {stall: 3s}") { server, executor in
            let cases = [
                ("die_after:2", "executor_broke_off"), ("stall_after:2", "stall"), ("status:503", "executor_error"),
                ("status:400", "executor_error"),
            ]
            for (fault, end) in cases {
                let answer = try await server.curl(
                    "/v1/chat/completions",
                    body: chat(tokens: 50, more: #""simulator":{"fault":"\#(fault)"}"#)
                )
                let line = try await server.logged(fault) { $0.request_id.string == answer["x-request-id"] }
                #expect(line.end.string == end)
                #expect(line.side.string == (fault == "status:400" ? "client" : "executor"))
            }
            _ = try await server.rawHTTP2("leave")
            let line = try await server.logged("the client that left") { $0.end.string == "client_left" }
            #expect(line.side.string == "client")
            try await executor.counter("aborted", reaches: 2)
        }
    }

    @Test func nothingPrivateIsInIt() async throws {
        try await withServer(settings: "timeouts: {stall: 3s}") { server, _ in
            let secret = ["authorization: Bearer PRIVATE-KEY", "x-api-key: PRIVATE-KEY", "cookie: a=PRIVATE-KEY"]
            let bodies = [
                chat(prompt: Self.prompt), chat(stream: false, prompt: Self.prompt), "{\"\(Self.prompt)", "{}",
                chat(prompt: Self.prompt, more: #""simulator":{"fault":"die_after:2"}"#),
                chat(prompt: Self.prompt, more: #""simulator":{"fault":"status:500"}"#),
                #"{"model":"demo","max_tokens":0,"messages":"\#(Self.prompt)"}"#,
            ]
            for path in ["/v1/chat/completions", "/v1/messages", "/v1/embeddings", "/v1/none?key=PRIVATE-KEY"] {
                for body in bodies {
                    _ = try await server.curl(
                        path,
                        body: body,
                        arguments: secret.flatMap { ["--header", $0] }
                    )
                }
            }
            _ = try await eventually("the lines") { server.log.count >= bodies.count * 4 ? true : nil }
            let said = server.process.output + server.process.errors
            #expect(!said.contains("PRIVATE"))
        }
    }

    /// The log gives the reason of a refusal: a malformed head, or an unknown model.
    @Test func whyARequestWasRefusedIsSaid() async throws {
        try await withServer { server, _ in
            let faults = [
                ("GET / HTTP/1.1\r\n\r\n", "the host field is missing"),
                ("GET / HTTP/1.1\r\nhost : x\r\n\r\n", "whitespace between a header field's name and its colon"),
                ("GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n", "more than one host field"),
                ("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: +1\r\n\r\n", "content-length is not a decimal number"),
            ]
            for (request, detail) in faults {
                let client = try await server.connect()
                try await client.send(request)
                try await expect(client.receiveToEnd()) { $0.text.hasPrefix("HTTP/1.1 400") }
                let line = try await server.logged(detail) { $0.detail.string == detail }
                #expect(line.end.string == "malformed_request")
                #expect(line.status.int == 400)
            }
            let body = #"{"model":"no\u202esuch\nmodel","messages":[]}"#
            try await expect(server.curl("/v1/chat/completions", body: body)) { $0.status == 404 }
            let line = try await server.logged("the 404") { $0.status.int == 404 }
            #expect(line.model_asked.string == #"no\u{202e}such\u{a}model"#)
            #expect(line.model == .null)
            let long = String(repeating: "x", count: 900)
            try await expect(server.curl("/v1/models/" + long)) { $0.status == 404 }
            let second = try await server.logged("the look-up") { $0.path.string?.hasPrefix("/v1/models/") == true }
            #expect(second.model_asked.string?.utf8.count == 256)
            try await expect(server.curl("/v1/chat/completions", body: #"{"model":7}"#)) { $0.status == 400 }
            let third = try await server.logged("the 400") { $0.end.string == "invalid_request" }
            #expect(
                third.detail.string?.hasPrefix("'model' must be ") == true,
                "\(String(describing: third.detail.string))"
            )
        }
    }

    @Test func itMayBeSwitchedOff() async throws {
        try await withServer(settings: "log: {access: false}") { server, _ in
            let good = try await server.curl("/v1/chat/completions", body: chat())
            let bad = try await server.curl("/nothing")
            #expect([good.status, bad.status] == [200, 404])
            // Longer than the 5 ms for which log lines are collected before they are written.
            try await Task.sleep(for: .milliseconds(50))
            #expect(server.process.output.isEmpty)
        }
    }
}
