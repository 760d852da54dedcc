import Testing

/// If an executor reports an error that the client has caused, the client gets the executor's own text.
///
/// Any other error of an executor is reported without that text.
@Suite struct ExecutorStatusTests {
    @Test(arguments: [400, 404, 413, 422], Speaking.both)
    func whatTheClientCausedPassesWithItsBody(_ status: Int, _ speaking: Speaking) async throws {
        try await withServer { server, executor in
            try await eachWay(status, server, executor, speaking) { direct, seen, _ in
                #expect(direct.status == status)
                #expect(seen.status == status)
                #expect(seen.body == direct.body)
                #expect(seen["content-type"] == direct["content-type"])
            }
        }
    }

    @Test(arguments: [429, 500, 503], Speaking.both)
    func whatItDidNotCauseIsScrubbed(_ status: Int, _ speaking: Speaking) async throws {
        try await withServer { server, executor in
            try await eachWay(status, server, executor, speaking) { direct, seen, tongue in
                #expect(direct.status == status)
                #expect(seen.status == status)
                #expect(direct.body.contains("a fault on request"))
                #expect(!seen.body.contains("a fault on request"))
                let told = try JSON(parsing: seen.body)
                #expect(
                    told.error.message.string?.hasPrefix("The model") == true,
                    "\(String(describing: told.error.message.string))"
                )
                if tongue == .messages { #expect(told.type.string == "error") }
            }
        }
    }

    /// The executor refuses the server's credential, which the client cannot fix, so the client gets 502.
    @Test(arguments: [401, 403], Speaking.both)
    func whatIsOursIs502(_ status: Int, _ speaking: Speaking) async throws {
        try await withServer { server, executor in
            try await eachWay(status, server, executor, speaking) { direct, seen, _ in
                #expect(direct.status == status)
                #expect(seen.status == 502)
                #expect(!seen.body.contains("a fault on request"))
                let line = try await server.logged(seen)
                #expect(line.end.string == "executor_error")
                #expect(line.detail.string == "it answered \(status)")
                #expect(line.side.string == "executor")
            }
        }
    }

    private func eachWay(
        _ status: Int,
        _ server: Server,
        _ executor: Executor,
        _ speaking: Speaking,
        _ check: (Seen, Seen, Tongue) async throws -> Void
    ) async throws {
        for tongue in Tongue.allCases {
            for stream in [true, false] {
                // The `retry-after` of 9 s exceeds `max_wait`, so no request waits for the executor.
                let simulator = #""fault":"status:\#(status)","retry_after":"9""#
                let asked = tongue.request(stream: stream, simulator: simulator)
                let direct = try await executor.exchange(asked)
                let seen = try await server.exchange(asked, speaking)
                if status == 503 { #expect(seen["retry-after"] == "9") }
                // After the first 429 the executor is avoided, and later requests get the remaining delay.
                if status == 429 { #expect((1...9).contains(Int(seen["retry-after"] ?? "") ?? 0)) }
                #expect(seen["server"] == nil)
                #expect(seen.isClean)
                try await check(direct, seen, tongue)
            }
        }
    }
}
