import Testing

/// An executor breaks its stream after some events.
///
/// The client gets the complete events unchanged, an error event in its dialect, and an end that marks the stream as
/// incomplete.
@Suite struct BrokenStreamTests {
    static let breaks = ["die_after:3", "cut_inside:3", "reset_after:3", "end_early:3"]

    @Test(arguments: breaks, Speaking.both)
    func wholeEventsPassThenAnErrorThenABrokenEnd(_ fault: String, _ speaking: Speaking) async throws {
        try await withServer { server, executor in
            for tongue in Tongue.allCases { try await check(tongue, fault, speaking, server, executor) }
            let counters = try await executor.counters()
            #expect(counters.running.int == 0)
        }
    }

    /// In HTTP/1.0 a body ends with the connection, so only a TCP reset can mark it as incomplete.
    @Test(arguments: breaks)
    func http10EndsInAReset(_ fault: String) async throws {
        try await withServer { server, executor in try await check(.chat, fault, .http10, server, executor) }
    }

    private func check(
        _ tongue: Tongue,
        _ fault: String,
        _ speaking: Speaking,
        _ server: Server,
        _ executor: Executor
    ) async throws {
        let asked = tongue.request(simulator: #""fault":"\#(fault)","pace":200,"prefill_ms":5"#)
        let direct = try await executor.exchange(asked)
        let seen = try await server.exchange(asked, speaking)
        #expect(eventData(direct.wholeEvents).count >= 3)
        #expect(seen.status == 200)
        #expect(
            seen.body == direct.wholeEvents
                + tongue.errorEvent(.brokeOff, requestID: seen.requestID, created: seen.created)
        )
        #expect(seen.endsBroken(speaking), "\(seen.report.ending) \(seen.report.last)")
        let line = try await server.logged(seen)
        #expect(line.end.string == "executor_broke_off")
        #expect(line.side.string == "executor")
        #expect(line.status.int == 200)
    }
}
