import Testing

/// Tests the queue: requests without a free slot wait in order for up to `max_wait`.
///
/// A request that has waited that long, or that finds the queue full, is refused with a time after which to retry.
@Suite struct QueueTests {
    private func configuration(_ url: String, max: Int?, settings: String = "") -> Configuration {
        let limit = max.map { ", max_running: \($0)" } ?? ""
        return Configuration(
            settings: settings,
            models: "- {id: demo, executors: [{url: '\(url)', health: {interval: 0s}\(limit)}]}"
        )
    }

    /// The executor accepts two requests at a time, and the server sends it no more.
    ///
    /// The server knows this from `max_running`, or learns it from a 429.
    @Test(arguments: [2, nil]) func whatWaitsIsServed(max: Int?) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withExecutor(["--max-running", "2", "--prefill", "20ms", "--pace", "200"]) { executor in
            // With a `max_wait` of 600 s no request is refused, even on a slow machine.
            let settings = "admission: {max_wait: 600s}\ncommit_after: 900s"
            try await withServer(configuration(executor.url, max: max, settings: settings)) { server in
                let body = try scratch.write(chat(tokens: 10), to: "body.json")
                let load = ["-n", "40", "-c", "2", "-m", "10", "-d", body, "-H", "content-type: application/json"]
                let seen = try await run("h2load", load + [server.tls + "/v1/chat/completions"], within: .seconds(300))
                #expect(
                    seen.output.contains(" 40 done, 40 succeeded, 0 failed, 0 errored, 0 timeout"),
                    "\(seen.output)"
                )
                let counters = try await executor.counters()
                #expect(counters.finished.int == 40)
                if max != nil { #expect(counters.refused.int == 0) }
                let log = try await server.settledLog()
                #expect(log.count { ($0.queue_ms.double ?? 0) > 0 } >= 30, "\(log)")
            }
        }
    }

    @Test func aFullQueueIs429WithATime() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let settings = "admission: {max_queue: 1}"
        try await withExecutor { executor in
            try await withServer(configuration(executor.url, max: 1, settings: settings)) { server in
                let running = try await server.streamingCurl(body: chat(tokens: 100_000), in: scratch)
                try await executor.counter("running", reaches: 1)
                let waiting = try await server.streamingCurl(body: chat(tokens: 100_000), in: scratch)
                try await server.queue(of: "demo", reaches: 1)
                let answer = try await server.curl("/v1/chat/completions", body: chat(tokens: 1))
                #expect(answer.status == 429)
                #expect((Int(answer["retry-after"] ?? "") ?? 0) >= 1)
                #expect((Int(answer["retry-after-ms"] ?? "") ?? 0) >= 1000)
                let error = try answer.json.error
                #expect(error.code.string == "queue_full")
                #expect(error.type.string == "rate_limit_error")
                let line = try await server.logged("the refusal") { $0.request_id.string == answer["x-request-id"] }
                #expect(line.end.string == "queue_full")
                #expect(line.side.string == "edge")
                running.signal(9)
                waiting.signal(9)
            }
        }
    }

    @Test func whoHasWaitedTooLongIsTold() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withExecutor { executor in
            let settings = "admission: {max_wait: 300ms}"
            try await withServer(configuration(executor.url, max: 1, settings: settings)) { server in
                let running = try await server.streamingCurl(body: chat(tokens: 100_000), in: scratch)
                try await executor.counter("running", reaches: 1)
                for path in ["/v1/chat/completions", "/v1/messages"] {
                    let answer = try await server.curl(path, body: chat())
                    #expect(answer.status == 429)
                    #expect((Int(answer["retry-after-ms"] ?? "") ?? 0) >= 1000)
                    let line = try await server.logged("the wait") { $0.request_id.string == answer["x-request-id"] }
                    #expect(line.end.string == "queue_timeout")
                    #expect((line.queue_ms.double ?? 0) >= 300)
                }
                running.signal(9)
            }
        }
    }

    @Test func aClientThatLeavesTheQueueLeavesItsPlace() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        // The queue has room for one request only. If a client that leaves did not free it, the next would be refused.
        let settings = "admission: {max_queue: 1}"
        try await withExecutor { executor in
            try await withServer(configuration(executor.url, max: 1, settings: settings)) { server in
                let running = try await server.streamingCurl(body: chat(tokens: 100_000), in: scratch)
                try await executor.counter("running", reaches: 1)
                let leaving = try await server.streamingCurl(body: chat(tokens: 50), in: scratch)
                try await server.queue(of: "demo", reaches: 1)
                leaving.signal(9)
                let line = try await server.logged("who left") { $0.end.string == "client_left" }
                #expect(line.queue_ms.double != nil)
                #expect(line.attempts.int == nil)
                async let staying = server.curl("/v1/chat/completions", body: chat(tokens: 5))
                try await server.queue(of: "demo", reaches: 1)
                running.signal(9)
                try await expect(eventData(staying.body)) { $0.last == "[DONE]" }
                try await expect(executor.counters()) { $0.requests_by_path["/v1/chat/completions"].int == 2 }
            }
        }
    }

    /// With one slot and 500 requests of tenant X waiting, at most one of them is served before each request of
    /// tenant Y.
    @Test func aTenantDoesNotWaitForAnothersCrowd() async throws {
        try await withKeys(
            executor: ["--prefill", "2ms", "--pace", "2000"],
            settings: "workers: 1\nadmission: {max_wait: 600s}\ncommit_after: 900s",
            models: "- {id: one, executors: [{url: 'EXECUTOR', model: demo, max_running: 1, health: {interval: 0s}}]}"
        ) { server, executor, store in
            let (x, y) = (try await store.create(tenant: "x"), try await store.create(tenant: "y"))
            try await eventually("the keys") { try await server.chat(key: y.key).status == 200 ? true : nil }
            func load(_ key: KeyStore.Made, connections: Int, count: Int) async throws -> ChildProcess {
                let file = try store.scratch.write(chat(tokens: 2).replacing("demo", with: "one"), to: "body.json")
                return try await ChildProcess.start(
                    "h2load",
                    [
                        "-n", "\(count)", "-c", "\(connections)", "-m", "100", "-d", file, "-H",
                        "x-api-key: \(key.key)", server.tls + "/v1/chat/completions",
                    ],
                    in: store.scratch
                )
            }
            // A long stream of tenant X occupies the only slot until requests of both tenants wait. After that,
            // requests run one after the other, so the log shows in which order they were started.
            let client = try await server.connect()
            let long = chat(tokens: 90_000).replacing("demo", with: "one")
            try await client.send(
                "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-api-key: \(x.key)\r\n"
                    + "content-length: \(long.utf8.count)\r\n\r\n\(long)"
            )
            try await executor.counter("running", reaches: 1)
            let crowd = try await load(x, connections: 5, count: 500)
            try await server.queue(of: "one", reaches: 500)
            let few = try await load(y, connections: 1, count: 2)
            try await server.queue(of: "one", reaches: 502)
            client.close()
            try await expect(few.ending()) { $0 == .exited(0) }
            try await expect(crowd.ending(within: .seconds(300))) { $0 == .exited(0) }
            let order = try await server.settledLog().filter { $0.model.string == "one" && $0.end.string == "complete" }
                .map(
                    \.tenant.string
                )
            #expect(order.count == 502)
            #expect(order.count { $0 == "y" } == 2, "\(order)")
            let places = order.indices.filter { order[$0] == "y" }
            #expect(places[0] <= 1, "X's before Y's first: \(places[0])")
            #expect(places[1] - places[0] <= 2, "X's between Y's: \(places[1] - places[0] - 1)")
        }
    }

    /// Tenant X keeps 40 requests open, which fill the queue of 20.
    ///
    /// Tenant Y sends one request at a time, and each must be served although the queue is full.
    @Test func aTenantHasRoomBesideAnothersCrowd() async throws {
        try await withKeys(
            executor: ["--prefill", "2ms", "--pace", "2000"],
            settings: "workers: 1\nadmission: {max_queue: 20, max_wait: 60s}\ncommit_after: 90s",
            models: "- {id: one, executors: [{url: 'EXECUTOR', model: demo, max_running: 1, health: {interval: 0s}}]}"
        ) { server, _, store in
            let (x, y) = (try await store.create(tenant: "x"), try await store.create(tenant: "y"))
            try await eventually("the keys") { try await server.chat(key: y.key).status != 401 ? true : nil }
            let body = chat(tokens: 2).replacing("demo", with: "one")
            let file = try store.scratch.write(body, to: "body.json")
            let load = ["-n", "1000000", "-c", "4", "-m", "10", "-d", file, "-H", "x-api-key: \(x.key)"]
            let crowd = try await ChildProcess.start(
                "h2load",
                load + [server.tls + "/v1/chat/completions"],
                in: store.scratch
            )
            try await server.queue(of: "one", reaches: 20)
            for _ in 0..<40 { try await expect(server.chat(key: y.key, body: body)) { $0.status == 200 } }
            crowd.signal(9)
            let log = try await server.settledLog()
            #expect(log.count { $0.tenant.string == "x" && $0.end.string == "queue_full" } > 0, "\(log)")
        }
    }
}
