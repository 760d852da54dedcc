import Testing

/// A key's limits on concurrent requests and per minute, and what a client is told about them.
@Suite struct KeyLimitTests {
    @Test func placesAreHeldUntilTheStreamEndsAndFreeThen() async throws {
        try await withKeys(executor: ["--prefill", "0ms"]) { server, executor, store in
            let made = try await store.create(["--concurrency", "1"])
            try await eventually("the key") { try await server.chat(key: made.key).status == 200 ? true : nil }
            let client = try await server.connect()
            let long = chat(tokens: 100_000)
            try await client.send(
                "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(made.key)\r\n"
                    + "content-length: \(long.utf8.count)\r\n\r\n\(long)"
            )
            try await executor.counter("running", reaches: 1)
            let refused = try await server.chat(key: made.key)
            #expect(refused.status == 429)
            #expect(refused["retry-after"] == "1")
            try expect(refused.json) { $0.error.code.string == "concurrency_limit_exceeded" }
            try expect(refused.json) { $0.error.type.string == "rate_limit_error" }
            client.close()
            try await eventually("a place") { try await server.chat(key: made.key).status == 200 ? true : nil }
            // The slot becomes free however an exchange ends: with a failure, without a model, or without valid JSON.
            for body in [chat(stream: false, more: #""simulator":{"fault":"status:500"}"#), "{", "{}", chat(tokens: 3)]
            {
                let answer = try await server.chat(key: made.key, body: body)
                #expect(answer.status != 429)
            }
        }
    }

    /// A key that is removed from the file and added again keeps the count of its running requests.
    @Test func whatAKeyRunsCountsAlsoAfterItWasAway() async throws {
        try await withKeys("keys.yaml", executor: ["--prefill", "0ms"], prepare: { try $0.write([]) }) {
            server,
            executor,
            store in
            let made = try await store.create(["--concurrency", "2"])
            let other = try await store.create()
            try store.write([made, other])
            try await eventually("the key") { try await server.chat(key: made.key).status == 200 ? true : nil }
            let long = chat(tokens: 100_000)
            let clients = [try await server.connect(), try await server.connect()]
            for client in clients {
                try await client.send(
                    "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(made.key)\r\n"
                        + "content-length: \(long.utf8.count)\r\n\r\n\(long)"
                )
            }
            try await executor.counter("running", reaches: 2)
            try store.write([other])
            try await eventually("its absence") { try await server.chat(key: made.key).status == 401 ? true : nil }
            try store.write([made, other])
            let back = try await eventually("its return") {
                let answer = try await server.chat(key: made.key)
                return answer.status == 401 ? nil : answer
            }
            #expect(back.status == 429)
            try expect(back.json) { $0.error.code.string == "concurrency_limit_exceeded" }
            try await expect(server.chat(key: other.key)) { $0.status == 200 }
            for client in clients { client.close() }
        }
    }

    @Test func requestsAMinuteAreCountedAndTold() async throws {
        try await withKeys { server, _, store in
            let made = try await store.create(["--requests-per-minute", "3"])
            let other = try await store.create()
            try await eventually("the keys") { try await server.chat(key: other.key).status == 200 ? true : nil }
            for left in ["2", "1", "0"] {
                let answer = try await server.chat(key: made.key, body: chat(tokens: 2))
                #expect(answer.status == 200)
                #expect(answer["x-ratelimit-limit-requests"] == "3")
                #expect(answer["x-ratelimit-remaining-requests"] == left)
                #expect(
                    answer["x-ratelimit-reset-requests"]?.hasSuffix("s") == true,
                    "\(String(describing: answer["x-ratelimit-reset-requests"]))"
                )
                #expect(answer["x-ratelimit-limit-tokens"] == nil)
            }
            let refused = try await server.chat(key: made.key)
            #expect(refused.status == 429)
            try expect(refused.json) { $0.error.code.string == "rate_limit_exceeded" }
            #expect(
                refused["retry-after"].flatMap(Int.init).map { (1...20).contains($0) } == true,
                "\(String(describing: refused["retry-after"].flatMap(Int.init)))"
            )
            #expect(refused["x-ratelimit-remaining-requests"] == "0")
            // The model list does not count against the rate, and other keys have their own rate.
            let listed = try await server.curl("/v1/models", arguments: ["--header", "x-api-key: \(made.key)"])
            #expect(listed.status == 200)
            try await expect(server.chat(key: other.key)) { $0.status == 200 }
            let line = try await server.logged("the refusal") { $0.status.int == 429 }
            #expect(line.end.string == "rate_limited")
            #expect(line.tenant.string == "acme")
            #expect(line["key"].string == made.id)
        }
    }

    @Test(arguments: [true, false])
    func tokensAreReservedAndSettledByUsage(stream: Bool) async throws {
        let executor = try HandMadeExecutor()
        try await withKeys(models: "- {id: mine, executors: [{url: \"\(executor.url)\", health: {interval: 0s}}]}") {
            server,
            _,
            store in
            let made = try await store.create(["--tokens-per-minute", "1000"])
            try await eventually("the key") {
                try await server.curl("/v1/models", arguments: ["--header", "x-api-key: \(made.key)"]).status == 200
                    ? true : nil
            }
            let usage = #""usage":{"prompt_tokens":5,"completion_tokens":8,"total_tokens":13}"#
            func ask(tokens: Int) async throws -> Answer {
                let body = chat(stream: stream, tokens: tokens).replacing("demo", with: "mine")
                async let answer = server.chat(key: made.key, body: body)
                let connection = try await executor.accept()
                defer { connection.close() }
                _ = try await connection.receiveRequest()
                if stream {
                    let finish = #"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"# + "\n\n"
                    let events = chatEvent("Hi") + finish + "data: {\"choices\":[],\(usage)}\n\ndata: [DONE]\n\n"
                    try await connection.answer(events, type: "text/event-stream", more: "connection: close\r\n")
                } else {
                    try await connection.answer("{\"choices\":[],\(usage)}", more: "connection: close\r\n")
                }
                return try await answer
            }
            // The request reserves 900 tokens and uses 8.
            let first = try await ask(tokens: 900)
            #expect(first.status == 200)
            #expect(first["x-ratelimit-limit-tokens"] == "1000")
            #expect(
                first["x-ratelimit-remaining-tokens"].flatMap(Int.init).map { $0 <= 100 } == true,
                "\(String(describing: first["x-ratelimit-remaining-tokens"].flatMap(Int.init)))"
            )
            // If the first request's reservation of 900 tokens were not replaced by its usage of 8, the second request
            // would be refused for most of a minute.
            let second = try await ask(tokens: 900)
            #expect(second.status == 200)

            let large = try await server.chat(key: made.key, body: chat(stream: stream, tokens: 2000))
            #expect(large.status == 400, "no wait helps, and SDKs repeat a 429")
            try expect(large.json) { $0.error.code.string == "request_exceeds_limit" }
            #expect(large["retry-after"] == nil)
        }
    }

    @Test func thoseWithoutAKeyHaveLimitsAllTheSame() async throws {
        let access = ", required: false, anonymous: {requests_per_minute: 2}"
        try await withKeys(access: access) { server, _, store in
            let made = try await store.create()
            try await eventually("the key") { try await server.chat(key: made.key).status == 200 ? true : nil }
            let statuses = [
                try await server.chat(key: nil).status, try await server.chat(key: nil).status,
                try await server.chat(key: nil).status,
            ]
            #expect(statuses == [200, 200, 429])
            try await expect(server.chat(key: "none"), "a key that is given must be good") { $0.status == 401 }
            try await expect(server.chat(key: made.key)) { $0.status == 200 }
            let line = try await server.logged("anonymous") { $0.tenant.string == "anonymous" }
            #expect(line["key"] == .null)
        }
    }

    @Test func withoutKeysWhateverIsGivenIsAsGood() async throws {
        try await withServer { server, _ in
            try await expect(server.chat(key: "none")) { $0.status == 200 }
            let line = try await server.logged("the chat") { $0.status.int == 200 }
            #expect(line.tenant.string == "anonymous")
        }
    }
}
