import Testing

/// A client that reads slowly slows down its own executor and no other stream.
@Suite struct SlowReaderTests {
    /// The slow stream has its own executor, so that the executor's counter counts only that stream.
    private func withTwoExecutors(
        settings: String = "",
        _ body: (Server, _ slow: Executor, _ other: Executor) async throws -> Void
    ) async throws {
        try await withExecutor(["--model", "slow"]) { slow in
            try await withExecutor { other in
                let models = "- id: slow\n  executors:\n    - url: \(slow.url)"
                let configuration = Configuration(executors: [other.url], settings: settings, models: models)
                try await withServer(configuration) { try await body($0, slow, other) }
            }
        }
    }

    private static let tokens = 40000
    private static let slow = [
        #"{"model":"slow","stream":true,"stream_options":{"include_usage":true},"max_tokens":40000,"messages":[{"role":"user","content":"Hello"}],"simulator":{"pace":0,"prefill_ms":5}}"#,
        #"{"model":"slow","stream":true,"stream_options":{"include_usage":true},"max_tokens":40000,"messages":[{"role":"user","content":"Hello"}],"simulator":{"pace":0,"prefill_ms":5,"fault":"huge_event:12000000"}}"#,
    ]

    @Test(arguments: slow, Speaking.both)
    func itsExecutorPausesWhileSiblingsGoOn(_ body: String, _ speaking: Speaking) async throws {
        try await withTwoExecutors { server, slow, other in
            let direct = try await slow.exchange(Asked(body: body))
            #expect(direct.isClean)
            let before = try await slow.counters().emitted.int ?? 0
            let sibling = chat(tokens: 100, more: #""simulator":{"pace":100,"prefill_ms":5}"#)
            let arguments = ["--slow", body, "--other", sibling, "--siblings", "3"]
            try await Readers.run("beside", on: server, speaking, arguments) { readers in
                try await readers.reaches("paused")
                let still = try await slow.emittedWhenStill(behind: server)
                #expect(still - before < Self.tokens)
                try readers.pass("paused")
                // The other streams end with all of their tokens.
                let passed = try await readers.reaches("passed")
                #expect(passed.tokens.array.map(\.int) == [100, 100, 100])
                // Meanwhile the executor of the slow stream has sent no further event.
                try await expect(slow.counters().emitted.int, is: still)
                try await expect(slow.counters()) { $0.running.int == 1 }
                try await expect(other.counters()) { $0.finished.int == 3 }
                // The slow client reads on and gets every byte.
                try readers.pass("passed")
                let seen = Seen(report: try await readers.line("the slow one's end") { $0.digest.string != nil })
                #expect(seen.isClean)
                #expect(seen.length == direct.length)
                #expect(seen.digest == direct.digest)
                try await readers.finishes()
            }
            try await expect(server.logged("of the slow one") { $0.request_id.string == "slow" }) {
                $0.end.string == "complete"
            }
        }
    }

    /// A client that takes nothing is cut even if its executor is slow too and few bytes are buffered.
    @Test func oneThatNeverReadsALittleIsCut() async throws {
        try await withTwoExecutors(settings: "timeouts: {client_stall: 1s}") { server, slow, _ in
            let body = chat(tokens: 10000, more: #""simulator":{"pace":20,"prefill_ms":5}"#)
                .replacing(#""model":"demo""#, with: #""model":"slow""#)
            let arguments = ["--slow", body, "--other", chat(), "--leave-paused"]
            try await Readers.run("beside", on: server, .http2, arguments) { readers in
                try await readers.reaches("paused")
                let line = try await server.logged("of the slow one", within: .seconds(60)) {
                    $0.request_id.string == "slow"
                }
                #expect(line.end.string == "client_stalled")
                try await slow.counter("aborted", reaches: 1)
            }
        }
    }

    /// A client that stops reading should be cut after `client_stall`, here 33 s.
    ///
    /// This is a known issue: after TCP_USER_TIMEOUT (30 s) the kernel drops the connection first, and the log shows a
    /// client that left.
    @Test func oneThatStopsReadingHasAllOfClientStall() async throws {
        try await withTwoExecutors(settings: "timeouts: {client_stall: 33s}") { server, slow, _ in
            let arguments = ["--slow", Self.slow[0], "--other", chat(), "--seconds", "60"]
            try await Readers.run("beside", on: server, .http1, arguments) { readers in
                try await readers.reaches("paused")
                let line = try await server.logged("of the slow one", within: .seconds(58)) {
                    $0.request_id.string == "slow"
                }
                try await slow.counter("aborted", reaches: 1)
                withKnownIssue("TCP_USER_TIMEOUT is below client_stall") {
                    #expect(line.end.string == "client_stalled")
                }
            }
        }
    }

    /// Without progress for `client_stall` the stream is cut with a logged cause, and its executor is freed.
    ///
    /// Other streams continue.
    @Test(arguments: Speaking.both)
    func oneThatNeverReadsIsCut(_ speaking: Speaking) async throws {
        try await withTwoExecutors(settings: "timeouts: {client_stall: 4s}") { server, slow, _ in
            let sibling = chat(tokens: 800, more: #""simulator":{"pace":100,"prefill_ms":5}"#)
            // More bytes than fit into all buffers between executor and client.
            let much = Self.slow[0].replacing("40000", with: "400000")
            let arguments = ["--slow", much, "--other", sibling, "--siblings", "1", "--leave-paused"]
            try await Readers.run("beside", on: server, speaking, arguments) { readers in
                try await readers.reaches("paused")
                try readers.pass("paused")
                let line = try await server.logged("of the slow one", within: .seconds(60)) {
                    $0.request_id.string == "slow"
                }
                #expect(line.end.string == "client_stalled")
                #expect(line.side.string == "client")
                try await slow.counter("aborted", reaches: 1)
                // The other stream on the same connection ends with all of its tokens.
                let passed = try await readers.reaches("passed")
                #expect(passed.tokens.array.map(\.int) == [800])
                try readers.pass("passed")
                if speaking == .http2 {
                    let end = try await readers.line("the slow one's end") { $0.keys.contains("reset") }
                    // RST_STREAM with INTERNAL_ERROR or CANCEL, and no END_STREAM.
                    #expect([2, 8].contains(end.reset.int))
                    #expect(end.ended.bool == false)
                }
            }
        }
    }
}
