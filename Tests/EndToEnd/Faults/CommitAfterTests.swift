import Testing

/// If the prefill exceeds `commit_after`, the client gets a 200 and comments, then the tokens.
///
/// A failure after that is reported in the stream.
@Suite struct CommitAfterTests {
    static let settings = "commit_after: 1s\nkeep_alive: 300ms"

    @Test(arguments: Speaking.both)
    func commentsComeUntilTheTokensDo(_ speaking: Speaking) async throws {
        try await withServer(settings: Self.settings) { server, executor in
            for tongue in Tongue.allCases {
                let plain = tongue.request(tokens: 3, simulator: #""pace":200,"prefill_ms":5"#)
                let direct = try await executor.exchange(plain)
                let late = tongue.request(tokens: 3, simulator: #""pace":200,"prefill_ms":3000"#)
                let seen = try await server.exchange(late, speaking)
                let comment = Self.comment(tongue)
                var rest = seen.body
                var comments = 0
                while rest.hasPrefix(comment) {
                    rest.removeFirst(comment.count)
                    comments += 1
                }
                // One comment is sent with the head, and one more for each `keep_alive` interval until the first
                // token.
                let line = try await server.logged(seen)
                let silence = try #require(line.first_token_ms.double)
                #expect(comments >= 2)
                #expect(Double(comments) <= 1 + (silence - 1000) / 300)
                #expect(rest == direct.body)
                #expect(seen.status == 200)
                #expect(seen["content-type"] == "text/event-stream; charset=utf-8")
                #expect(seen["cache-control"] == "no-cache, no-transform")
                #expect(seen["x-accel-buffering"] == "no")
                #expect(seen.isClean)
                #expect(line.end.string == "complete")
            }
        }
    }

    @Test func aClientMayAskForSilence() async throws {
        try await withServer(settings: "commit_after: 300ms\nkeep_alive: 100ms\nadmission: {max_wait: 100ms}") {
            server,
            _ in
            let body = chat(tokens: 3, more: #""simulator":{"prefill_ms":2500}"#)
            let silent = ["--header", "x-freeinference-keep-alive: off"]
            let answer = try await server.curl("/v1/chat/completions", body: body, arguments: silent)
            #expect(answer.body.hasPrefix("data: "))
            #expect(!answer.body.contains(": keep-alive"))
            try await expect(server.curl("/v1/chat/completions", body: body)) { $0.body.hasPrefix(": keep-alive") }
        }
    }

    struct Failing: Sendable, CustomTestStringConvertible {
        let simulator: String
        let told: Told
        /// The setting `timeouts.first_event`; this default is longer than every delay in these tests.
        var firstEvent = "60s"
        var testDescription: String { simulator }
        static let all = [
            Failing(simulator: #""prefill_ms":3000,"fault":"die_after:0""#, told: .brokeOff),
            Failing(simulator: #""prefill_ms":3000,"fault":"error_event:0""#, told: .overloaded),
            Failing(simulator: #""fault":"no_answer""#, told: .noFirstEvent, firstEvent: "3s"),
        ]
    }

    @Test(arguments: Failing.all, Speaking.both)
    func aFailureAfterItIsInBand(_ failing: Failing, _ speaking: Speaking) async throws {
        let settings = Self.settings + "\ntimeouts: {first_event: \(failing.firstEvent)}\nadmission: {max_wait: 10ms}"
        // Each dialect gets a new server, because a server avoids an executor for a while after a failure.
        for tongue in [Tongue.chat, .completions] {
            try await withServer(settings: settings) { server, _ in
                let seen = try await server.exchange(tongue.request(simulator: failing.simulator), speaking)
                let comment = Self.comment(tongue)
                let event = tongue.errorEvent(failing.told, requestID: seen.requestID, created: seen.created)
                #expect(seen.status == 200)
                #expect(seen.body.hasPrefix(comment))
                #expect(seen.body.replacing(comment, with: "") == event)
                #expect(seen.endsBroken(speaking))
                try await expect(server.logged(seen).end.string, is: failing.told.label)
            }
        }
    }

    /// An attempt that fails before `commit_after` has passed gives the client an error status.
    ///
    /// The edge has not sent the head of the response by then.
    @Test(arguments: Speaking.both)
    func aFailureBeforeItIsAStatus(_ speaking: Speaking) async throws {
        try await withServer(settings: "commit_after: 5s") { server, _ in
            let seen = try await server.exchange(
                Tongue.chat.request(simulator: #""prefill_ms":1000,"fault":"die_after:0""#),
                speaking
            )
            #expect(seen.status == 502)
            #expect(seen.body == Tongue.chat.errorBody(.brokeOff, requestID: seen.requestID))
        }
    }

    /// The head of a response that is not a stream is never sent before the response is there.
    @Test(arguments: Speaking.both)
    func otherAnswersAreNotCommittedEarly(_ speaking: Speaking) async throws {
        try await withServer(settings: Self.settings) { server, _ in
            let seen = try await server.exchange(
                Tongue.chat.request(stream: false, tokens: 1, simulator: #""prefill_ms":2000"#),
                speaking
            )
            #expect(seen.status == 200)
            try expect(JSON(parsing: seen.body)) { $0.object.string == "chat.completion" }
        }
    }

    private static func comment(_ tongue: Tongue) -> String {
        tongue == .messages ? "event: ping\ndata: {\"type\": \"ping\"}\n\n" : ": keep-alive\n\n"
    }
}
