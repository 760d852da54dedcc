import Testing

/// An error as the first event moves the exchange to another executor, however the bytes are split.
///
/// Bytes behind the error are dropped, and the second executor's health is not affected.
@Suite struct CoalescedErrorTests {
    /// The HTTP version that the server speaks to the executors.
    enum ExecutorProtocol: String, CaseIterable, CustomTestStringConvertible {
        case http1, h2
        var testDescription: String { rawValue }
    }

    /// An error and `[DONE]` in one chunk or DATA frame, also split in other ways, and errors without their last line
    /// feed.
    static let faults = [
        "error_event:0", "error_event:0,coalesce", "error_event:0,coalesce,crlf", "error_event:0,coalesce,comments",
        "error_event:0,coalesce,split_every:50", "error_event:0,no_last_lf,coalesce", "error_only:0",
        "error_only:0,crlf,no_last_lf", "error_only:0,no_last_lf",
    ]

    @Test(arguments: faults, ExecutorProtocol.allCases)
    func theOtherExecutorAnswersAndIsChargedNothing(_ fault: String, _ spoken: ExecutorProtocol) async throws {
        try await withExecutor { good in
            try await withExecutor(["--fault", fault]) { bad in
                for speaking in Speaking.both {
                    try await theOtherAnswers(speaking, bad: bad, good: good, spoken)
                }
                let counters = try await good.counters()
                // Each dialect is tried with two protocols, through the server and directly.
                #expect(counters.finished.int == 4 * Tongue.allCases.count)
                #expect(counters.aborted.int == 0)
                #expect(counters.running.int == 0)
            }
        }
    }

    private func theOtherAnswers(
        _ speaking: Speaking,
        bad: Executor,
        good: Executor,
        _ spoken: ExecutorProtocol
    ) async throws {
        let executors = [bad, good].map { "{url: '\($0.url)', protocol: \(spoken), health: {interval: 0s}}" }
        let configuration = Configuration(
            settings: "workers: 1",
            models: "- {id: demo, balance: round-robin, executors: [\(executors.joined(separator: ", "))]}"
        )
        try await withServer(configuration) { server in
            // Each client protocol gets a new server, which considers both executors healthy.
            for (number, tongue) in Tongue.allCases.enumerated() {
                let seen = try await server.exchange(tongue.request(tokens: 3, simulator: #""prefill_ms":5"#), speaking)
                #expect(seen.status == 200 && seen.isClean, "\(tongue) \(speaking): \(seen.report)")
                let direct = try await good.exchange(tongue.request(tokens: 3, simulator: #""prefill_ms":5"#))
                #expect(seen.body == direct.body)
                let line = try await server.logged(seen)
                #expect(line.end.string == "complete")
                #expect(line.executor.string == good.url)
                // The first exchange is sent to the faulty executor; later ones only until that executor is ejected.
                if number == 0 { #expect(line.attempts.int == 2) }
                if line.attempts.int == 2 { #expect(line.failed_attempts[0].executor.string == bad.url) }
            }
            let metrics = try await server.metrics()
            let (complete, all) = (["executor": good.url, "end": "complete"], ["executor": good.url])
            #expect(metrics.sum("freeinference_attempts_total", all) == Tongue.allCases.count)
            #expect(metrics.sum("freeinference_attempts_total", complete) == Tongue.allCases.count)
            #expect(metrics.sum("freeinference_attempts_total", ["executor": bad.url, "end": "complete"]) == 0)
            #expect(metrics.sum("freeinference_attempts_total", ["executor": bad.url, "side": "executor"]) >= 1)
            #expect(metrics.sum("freeinference_executor_state", ["executor": good.url, "state": "healthy"]) == 1)
        }
    }
}
