import Testing

/// Interactive requests are served before bulk requests, but bulk requests get their configured share of the slots.
///
/// The test plays the executor, and answers one request after the other. So requests arrive in the order in which the
/// server takes them from its queue.
@Suite struct PriorityTests {
    private static func body(_ name: String) -> String {
        #"{"model":"demo","user":"\#(name)","priority":-1,"messages":[{"role":"user","content":"Hello"}]}"#
    }
    private static let answer =
        #"{"id":"c","object":"chat.completion","created":1,"model":"demo","choices":[{"index":0,"#
        + #""message":{"role":"assistant","content":"x"},"finish_reason":"stop"}]}"#

    private func withPriorities(
        shares: String = "",
        _ body: (Server, HandMadeExecutor, Scratch) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let executor = try HandMadeExecutor()
        let configuration = Configuration(
            settings: """
                admission: {max_wait: 600s\(shares)}
                commit_after: 900s
                authentication: {anonymous: {priority_choices: [interactive, bulk]}}
                """,
            models: "- {id: demo, executors: [{url: '\(executor.url)', kind: vllm, priority: true, max_running: 1, "
                + "idle_timeout: 0s, health: {interval: 0s}}]}"
        )
        try await withServer(configuration) { try await body($0, executor, scratch) }
    }

    /// Starts a client that sends `total` requests of a class, `count` of them at a time.
    private func load(_ priority: String, total: Int, open count: Int, of server: Server, in scratch: Scratch)
        async throws -> ChildProcess
    {
        let file = try scratch.write(Self.body(priority), to: "\(priority).json")
        return try await ChildProcess.start(
            "h2load",
            [
                "-n", "\(total)", "-c", "\((count + 99) / 100)", "-m", "\(min(count, 100))", "-d", file,
                "-H", "content-type: application/json", "-H", "x-freeinference-priority: \(priority)",
                server.tls + "/v1/chat/completions",
            ],
            in: scratch
        )
    }

    /// Receives the executor's next request; returns the connection on which to answer it, and the request's class.
    private func next(_ executor: HandMadeExecutor) async throws -> (RawConnection, String) {
        let connection = try await executor.accept()
        let request = try await connection.receiveRequest()
        let values = ["interactive": -10, "standard": 0, "bulk": 10]
        let name = try #require(values.keys.first { request.body.contains(#""user":"\#($0)""#) })
        // The edge replaces the client's own member `priority` by the value of the request's class.
        let sent = Self.body(name).replacing(#""priority":-1,"#, with: "")
        #expect(request.body == #"{"priority":\#(values[name] ?? 0),"# + sent.dropFirst())
        return (connection, name)
    }

    @Test func aFloodDelaysAnInteractiveRequestByOneSlotOnly() async throws {
        try await withPriorities { server, executor, scratch in
            let flood = try await load("bulk", total: 501, open: 501, of: server, in: scratch)
            var (running, first) = try await next(executor)
            #expect(first == "bulk")
            try await server.queue(of: "demo", reaches: 500)
            for round in 1...3 {
                async let asked = server.curl(
                    "/v1/chat/completions",
                    body: Self.body("interactive"),
                    arguments: ["--header", "x-freeinference-priority: interactive"]
                )
                try await server.queue(of: "demo", priority: "interactive", reaches: 1)
                try await running.answer(Self.answer, more: "connection: close\r\n")
                let (connection, name) = try await next(executor)
                #expect(name == "interactive", "round \(round)")
                try await connection.answer(Self.answer, more: "connection: close\r\n")
                try await expect(asked) { $0.status == 200 }
                let after = try await next(executor)
                #expect(after.1 == "bulk", "round \(round)")
                running = after.0
            }
            let lines = try await server.settledLog().filter { $0.priority.string == "interactive" }
            #expect(lines.count == 3 && lines.allSatisfy { ($0.queue_ms.double ?? 0) > 0 })
            flood.signal(9)
        }
    }

    @Test func bulkKeepsItsShareUnderAnEndlessLoad() async throws {
        try await withPriorities(shares: ", shares: {standard: 0%, bulk: 10%}") { server, executor, scratch in
            let bulk = try await load("bulk", total: 100, open: 20, of: server, in: scratch)
            var (running, _) = try await next(executor)
            let load = try await load("interactive", total: 100_000, open: 20, of: server, in: scratch)
            try await server.queue(of: "demo", priority: "interactive", reaches: 20)
            try await server.queue(of: "demo", priority: "bulk", reaches: 19)
            var order: [String] = []
            for _ in 0..<60 {
                // Before the slot becomes free, the test waits until each client's next request is in the queue again.
                let waiting = order.last ?? "bulk" == "bulk" ? 20 : 19
                try await server.queue(of: "demo", priority: "interactive", reaches: waiting)
                try await running.answer(Self.answer, more: "connection: close\r\n")
                let taken = try await next(executor)
                (running, order) = (taken.0, order + [taken.1])
            }
            let places = order.indices.filter { order[$0] == "bulk" }
            #expect(places == [9, 19, 29, 39, 49, 59], "\(order)")
            for process in [bulk, load] { process.signal(9) }
        }
    }

    @Test func whatIsNoPriorityIsRefused() async throws {
        try await withPriorities { server, _, _ in
            for path in ["/v1/chat/completions", "/v1/messages"] {
                let answer = try await server.curl(
                    path,
                    body: Self.body("standard"),
                    arguments: ["--header", "x-freeinference-priority: urgent"]
                )
                #expect(answer.status == 400)
                let error = try answer.json.error
                #expect(error.type.string == "invalid_request_error")
                let message = "'x-freeinference-priority' must be one of interactive, standard, bulk."
                #expect(error.message.string == message)
            }
        }
    }
}
