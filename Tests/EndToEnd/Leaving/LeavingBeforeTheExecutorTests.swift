import Testing

/// Clients that leave before an executor has received the request.
@Suite struct LeavingBeforeTheExecutorTests {
    @Test(arguments: Leaver.connections)
    func inTheHead(_ leaver: Leaver) async throws {
        try await withServer(settings: "timeouts: {header: 60s}") { server, executor in
            let before = try await executor.counters().requests.int
            let quiet = try server.process.descriptors()
            _ = try await server.leave(leaver, until: "head", Tongue.chat.request())
            // The server closes the connection at once, long before the deadline of the head.
            try await eventually("the descriptors") { try server.process.descriptors() <= quiet ? true : nil }
            try await expect(executor.counters().requests.int, is: before)
            // Longer than the 5 ms for which log lines are collected before they are written.
            try await Task.sleep(for: .milliseconds(50))
            let log = server.log
            #expect(log.isEmpty)
        }
    }

    @Test(arguments: Leaver.all)
    func inTheBody(_ leaver: Leaver) async throws {
        try await withServer(settings: "timeouts: {body: 60s}") { server, executor in
            let before = try await executor.counters()
            _ = try await server.leave(leaver, until: "body", Tongue.chat.request()) {
                _ = try await eventually("half a body") {
                    try await server.metrics()["freeinference_exchanges_in_flight", ["phase": "body"]] == 1 ? true : nil
                }
            }
            let line = try await server.loggedLeaver()
            #expect(line.end.string == "client_left")
            #expect(line.side.string == "client")
            #expect(line.status.int == 499)
            // The executor receives no request.
            let after = try await executor.counters()
            #expect(after.requests.int == before.requests.int)
            #expect(after.aborted.int == 0)
        }
    }

    /// The executor's backlog is full, so the connection to it cannot be completed.
    @Test(arguments: Leaver.all)
    func whileConnecting(_ leaver: Leaver) async throws {
        let closed = try await FullListener()
        let settings = "timeouts: {connect: 60s, first_event: 60s}"
        try await withServer(Configuration(executors: [closed.url], settings: settings)) { server in
            _ = try await server.leave(leaver, until: "told", Tongue.chat.request()) {
                _ = try await eventually("a connection under way") { try closed.attempts() == 1 ? true : nil }
            }
            try await expect(server.loggedLeaver()) { $0.end.string == "client_left" }
            try await eventually("no connection under way") { try closed.attempts() == 0 ? true : nil }
        }
    }

    /// The kernel holds the connection and the request; by the time the executor accepts, the connection is closed.
    @Test(arguments: Leaver.all)
    func whileTheExecutorAcceptsLate(_ leaver: Leaver) async throws {
        try await withServer(executor: ["--accept-delay", "400ms"]) { server, executor in
            _ = try await server.leave(leaver, until: "told", Tongue.chat.request(simulator: #""prefill_ms":60000"#)) {
                _ = try await eventually("a connection to the executor") {
                    try server.process.connections(to: executor) == 1 ? true : nil
                }
            }
            try await expect(server.loggedLeaver()) { $0.end.string == "client_left" }
            try await eventually("no connection to the executor") {
                try server.process.connections(to: executor) == 0 ? true : nil
            }
            _ = try await eventually("an idle executor") {
                try await executor.counters().running.int == 0 ? true : nil
            }
            try await expect(executor.counters()) { $0.emitted.int == 0 }
        }
    }
}
