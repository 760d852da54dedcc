import HTTP
import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

/// Tests errors and broken connections while a response is relayed: what the client gets, and whether the executor's
/// health counts a fault.
@Suite struct LateErrorTests {
    private static let address = "HTTPConnectionPool(host='10.0.0.3', port=8000): http://10.0.0.3:8000/generate"

    /// Events with an error, in the formats of many engines.
    static let shapes = [
        #"data: {"error":{"message":"\#(address)","type":"InternalServerError","code":500}}"#,
        #"data: {"error":{"message":"\#(address)","type":"BadRequestError","code":400}}"#,
        #"data: {"object":"error","message":"\#(address)","type":"InternalServerError","code":500}"#,
        #"data: {"choices":[{"index":0,"delta":{},"finish_reason":{"type":"abort","message":"\#(address)","status_code":500}}]}"#,
        #"data: {"choices":[{"index":0,"delta":{},"error":{"message":"\#(address)","code":502}}]}"#,
        #"data: {"detail":"\#(address)"}"#,
        "event: error\n" + #"data: {"message":"\#(address)","code":500}"#,
        #"data: {"type":"error","error":{"type":"api_error","message":"\#(address)"}}"#,
        "event: error\n" + #"data: {"type":"error","error":{"type":"overloaded_error","message":"\#(address)"}}"#,
        "event: response.failed\n"
            + #"data: {"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"\#(address)"}}}"#,
        #"{"error":{"message":"\#(address)","code":500}}"#,
        #"error: {"message":"\#(address)","code":500}"#,
    ].map { $0 + "\n\n" }

    static let dialects: [(path: String, token: String, end: String, error: String)] = [
        ("/v1/chat/completions", Said.token, Said.done, #""finish_reason":"error""#),
        (
            "/v1/completions", "data: {\"choices\":[{\"index\":0,\"text\":\"x\",\"finish_reason\":null}]}\n\n",
            Said.done, #""finish_reason":"error""#
        ),
        (
            "/v1/messages",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"x\"}}\n\n",
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n", "event: error\ndata: {\"type\":\"error\""
        ),
        (
            "/v1/responses",
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"x\"}\n\n",
            "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"}}\n\n",
            "event: response.failed\ndata: {\"type\":\"response.failed\""
        ),
    ]

    // MARK: Errors within a stream

    /// An engine's error event, in any format, becomes an error event of the client's dialect without the engine's
    /// address.
    ///
    /// The edge drops all bytes after it.
    @Test(arguments: dialects.indices) func anErrorOfAnyShapeIsToldInTheClientsDialect(index: Int) throws {
        let (path, token, end, error) = Self.dialects[index]
        for shape in Self.shapes {
            for isInOneRead in [true, false] {
                let client = try TestClient(
                    TestEnvironment(try testSnapshot(models: "- {id: m, executors: [{url: 'http://one:1'}]}"))
                )
                client.ask(path: path)
                let executor = client.executors[0]
                executor.answer()
                executor.say(token)
                if isInOneRead {
                    executor.say(shape + end)
                } else {
                    executor.say(shape)
                    executor.say(end)
                }
                executor.end()
                let received = client.received
                #expect(client.status == 200 && received.contains(token), "\(shape)")
                #expect(received.contains(error) && !received.contains(end), "\(shape)")
                #expect(!received.contains("10.0.0.3"), "\(shape)")
                #expect(
                    !received.hasSuffix("0\r\n\r\n") && client.peer.end != nil,
                    "it ends as if it were whole: \(shape)"
                )
                guard case .failed(let failure)? = client.finished?.end else {
                    Issue.record("\(path) \(shape) did not fail")
                    continue
                }
                #expect(failure.engineError?.message == Self.address)
                let isClients = shape.contains("BadRequest")
                #expect((failure.side == .client) == isClients && received.contains("[address]") == isClients)
            }
        }
    }

    // MARK: Large events

    private static func large(_ bytes: Int, _ error: String) -> String {
        #"data: {"pad":"\#(String(repeating: "p", count: bytes))",\#(error)}"# + "\n\n"
    }
    private static let overloaded = #""error":{"message":"no","code":503}"#

    private func say(_ text: String, to attempt: PlayedAttempt, by size: Int = 20_000) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            attempt.played.say(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
    }

    @Test(arguments: [90_000, 150_000, 250_000]) func aLargeFirstErrorEventIsAnError(bytes: Int) throws {
        for begin in ["", "retry: 5\n\n"] {
            let attempt = try PlayedAttempt()
            attempt.played.answer()
            say(begin + Self.large(bytes, Self.overloaded) + Said.done, to: attempt)
            #expect(attempt.end == "failed executor_error" && attempt.relayed.isEmpty)
            #expect(attempt.attempt.failure?.status == 503 && attempt.attempt.failure?.retry == .withinBudget)
        }
    }

    @Test func aLargeFirstErrorEventWithoutItsEndIsAnError() throws {
        let attempt = try PlayedAttempt()
        attempt.played.answer()
        say(String(Self.large(100_000, Self.overloaded).dropLast(2)), to: attempt)
        attempt.played.end()
        #expect(attempt.end == "failed executor_error" && attempt.relayed.isEmpty)
    }

    @Test(arguments: [70_000, 250_000, 300_000, 700_000]) func aLargeGoodEventIsRelayedWhole(bytes: Int) throws {
        let event = Self.large(bytes, #""choices":[{"index":0,"delta":{"content":"an error"}}]"#)
        for begin in ["", "retry: 5\n\n", Said.token] {
            let attempt = try PlayedAttempt()
            attempt.played.answer()
            say(begin + event + Said.finish + Said.done, to: attempt)
            #expect(attempt.end == "whole" && attempt.relayed == begin + event + Said.finish + Said.done)
        }
    }

    @Test(arguments: [70_000, 250_000]) func aLargeErrorEventInTheMidstIsNotRelayed(bytes: Int) throws {
        let attempt = try PlayedAttempt()
        attempt.played.answer()
        let event = #"data: {\#(Self.overloaded),"pad":"\#(String(repeating: "p", count: bytes))"}"# + "\n\n"
        say(Said.token + event + Said.done, to: attempt)
        #expect(attempt.end == "broke executor_error" && attempt.relayed == Said.token)
        #expect(attempt.owner.brokeOff?.status == 503)
    }

    /// The edge passes on an error event that is too large for its buffer in pieces.
    ///
    /// Its own error event follows, and the response ends as incomplete.
    @Test func anErrorEventLargerThanIsHeldIsFollowedByOurs() throws {
        let attempt = try PlayedAttempt()
        attempt.played.answer()
        let event = Self.large(400_000, Self.overloaded)
        say(Said.token + event + Said.done, to: attempt)
        #expect(attempt.end == "broke executor_error" && attempt.relayed == Said.token + event)
    }

    // MARK: Large documents

    static let padding = String(repeating: "x", count: 300_000)
    static let badDocuments: [(text: String, end: String)] = [
        (
            #"{"choices":[{"index":0,"message":{"content":"\#(padding)"},"finish_reason":"abort"}]}"#,
            "executor_broke_off"
        ),
        (#"{"choices":[{"index":0,"message":{"content":"\#(padding)"},"finish_reason":null}]}"#, "executor_broke_off"),
        (#"{"id":"\#(padding)","error":{"message":"no","code":500}}"#, "executor_error"),
        (#"{"choices":[{"index":0,"message":{"content":"\#(padding)"#, "executor_broke_off"),
        (#"{"choices":[{"index":0,"message":{"content":"\#(padding)"},"finish_reason":"stop""#, "executor_broke_off"),
    ]

    @Test(arguments: badDocuments.indices) func aLargeDocumentIsJudgedAtItsEnd(index: Int) throws {
        let (text, end) = Self.badDocuments[index]
        for type in ["application/json", nil] {
            for body in [ResponseBody.chunked, .known(text.utf8.count)] {
                let attempt = try PlayedAttempt(body: chat(stream: false))
                attempt.played.answer(type: type, body: body)
                say(text, to: attempt)
                attempt.played.end()
                #expect(attempt.end == "broke \(end)", "\(body)")
                // The edge holds back some bytes of a response whose length is known until it has seen the end.
                // Otherwise the client would get all announced bytes and take the response for complete.
                if case .known = body { #expect(attempt.relayed.utf8.count < text.utf8.count) }
            }
        }
    }

    @Test func aLargeDocumentInOneReadOfKnownLengthIsJudgedBeforeItIsRelayed() throws {
        for (text, end) in Self.badDocuments {
            let attempt = try PlayedAttempt(body: chat(stream: false))
            attempt.answers(text, type: "application/json", body: .known(text.utf8.count))
            #expect(attempt.end == "failed \(end)" && attempt.relayed.isEmpty)
        }
    }

    @Test func aLargeGoodDocumentIsRelayedWhole() throws {
        let text = #"{"choices":[{"index":0,"message":{"content":"\#(Self.padding)"},"finish_reason":"stop"}]}"#
        for (body, size) in [
            (ResponseBody.known(text.utf8.count), 20_000), (.chunked, 20_000), (.known(text.utf8.count), .max),
        ] {
            let attempt = try PlayedAttempt(body: chat(stream: false))
            attempt.played.answer(type: "application/json", body: body)
            say(text, to: attempt, by: size)
            attempt.played.end()
            #expect(attempt.end == "whole" && attempt.relayed == text)
        }
        // A response of several JSON texts, one a line, on a path that belongs to none of the known APIs.
        let lines = #"{"a":"\#(Self.padding)"}"# + "\n{}\n"
        let other = try PlayedAttempt(.other, body: chat(stream: false))
        other.played.answer(type: "application/json")
        say(lines, to: other)
        other.played.end()
        #expect(other.end == "whole" && other.relayed == lines)
    }

    @Test func aLargeErrorHasUsedNothing() throws {
        let (text, _) = Self.badDocuments[2]
        let client = try TestClient(
            TestEnvironment(try testSnapshot(models: "- {id: m, executors: [{url: 'http://one:1'}]}"))
        )
        client.ask(chat(stream: false))
        client.executors[0].answer(type: "application/json")
        client.executors[0].say(text)
        client.executors[0].end()
        client.settle()
        #expect(client.finished?.usage == Usage.none && client.peer.end != nil)
    }

    @Test func aCutDocumentIsABrokenAttemptAndAnOddOneIsNot() throws {
        let good = #"{"choices":[{"index":0,"message":{"content":"a \"}] x"},"finish_reason":"stop"}]}"#
        let first = try PlayedAttempt(body: chat(stream: false))
        for count in 1..<good.utf8.count {
            let attempt = try PlayedAttempt(body: chat(stream: false), in: first.environment)
            attempt.answers(String(good.prefix(count)), type: "application/json")
            #expect(
                attempt.end == "failed executor_broke_off" && attempt.attempt.failure?.retry == .elsewhere,
                "\(count)"
            )
        }
        let odd = #"{"choices":[{"message":{"content":"x"},"logprob":NaN}]}"#
        let attempt = try PlayedAttempt(body: chat(stream: false), in: first.environment)
        attempt.answers(odd, type: "application/json")
        #expect(attempt.end == "whole" && attempt.relayed == odd)
        for other in [#"{"choices":[],}"#, good + good] {
            let attempt = try PlayedAttempt(body: chat(stream: false), in: first.environment)
            attempt.answers(other, type: "application/json")
            #expect(attempt.end == "failed executor_broke_off", "\(other)")
        }
    }

    // MARK: Engines that refuse the usage that only the edge requested

    static let refusal =
        #"{"error":{"message":"stream_options is not known","type":"invalid_request_error","param":"stream_options"}}"#

    @Test(arguments: [
        "data: \(refusal)\n\ndata: [DONE]\n\n", "\(refusal)\n\n", "\(refusal)", "event: error\ndata: \(refusal)\n\n",
    ])
    func aRefusalInsideOfAGoodAnswerIsOneToo(text: String) throws {
        for type in ["text/event-stream", "application/json", nil] {
            // JSON that is followed by a blank line occurs only in event streams, so other types are left out.
            if type != "text/event-stream", text.first == "{", text.last != "}" { continue }
            let attempt = try PlayedAttempt()
            #expect(attempt.played.body.contains("stream_options"))
            let refusing = attempt.played
            attempt.answers(": hello\n\n".prefix(type == "text/event-stream" ? 99 : 0) + text, type: type)
            #expect(attempt.environment.executors.count == 2 && attempt.owner.heard.last == "head none")
            #expect(refusing.handler == nil && attempt.played.body == chat())
            attempt.answers(Said.token + Said.finish + Said.done)
            #expect(attempt.end == "whole" && attempt.relayed == Said.token + Said.finish + Said.done)
            #expect(attempt.attempt.meter.tokens == 1 && !attempt.attempt.meter.sawError)
            let next = try PlayedAttempt(in: attempt.environment)
            #expect(next.played.body == chat(), "it is remembered")
        }
    }

    @Test func aSecondRefusalIsToldToTheClient() throws {
        let attempt = try PlayedAttempt()
        for _ in 0..<2 { attempt.answers("data: \(Self.refusal)\n\n") }
        #expect(attempt.environment.executors.count == 2 && attempt.end == "failed executor_error")
        #expect(attempt.attempt.failure?.status == 400)
        let own = try PlayedAttempt(body: #"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#)
        own.answers("data: \(Self.refusal)\n\n")
        #expect(own.environment.executors.count == 1 && own.attempt.failure?.status == 400)
    }

    @Test(arguments: [Said.error(429), #"{"error":{"message":"no","code":429}}"#])
    func theHeadOfAGoodAnswerSaysWhenToComeBack(text: String) throws {
        let type = text.first == "{" ? "application/json" : "text/event-stream"
        for (field, value) in [("retry-after", "7"), ("retry-after-ms", "7000")] {
            let attempt = try PlayedAttempt()
            attempt.answers(text, type: type, [(field, value)])
            #expect(attempt.attempt.failure?.status == 429 && attempt.attempt.failure?.retryAfterMs == 7000)
        }
    }

    // MARK: What the executor is charged

    enum Break: String, CaseIterable {
        case errorEvent, reset, noReason, abort, stall, cutDocument

        func end(_ client: TestClient, _ executor: PlayedExecutor) {
            switch self {
            case .errorEvent: executor.say(Said.error(500) + Said.done)
            case .reset: executor.fail()
            case .noReason: executor.end()
            case .abort: executor.say(Said.finish.replacing("stop", with: "abort") + Said.done)
            case .stall: client.pass(6_000_000_000, step: 1_000_000_000)
            case .cutDocument:
                executor.say(LateErrorTests.badDocuments[3].text)
                executor.end()
            }
        }
    }

    private func ask(_ environment: TestEnvironment, _ how: Break, isGood: Bool = false) throws {
        let client = try TestClient(environment)
        client.ask(chat(stream: how != .cutDocument))
        let executor = try #require(environment.executors.last)
        executor.answer(type: how == .cutDocument ? "application/json" : "text/event-stream")
        if isGood {
            executor.say(how == .cutDocument ? Said.document : Said.token + Said.finish + Said.done)
            executor.end()
        } else {
            if how != .cutDocument { executor.say(Said.token) }
            how.end(client, executor)
        }
        client.settle()
        client.leave()
    }

    @Test(arguments: Break.allCases) func threeAnswersInARowThatBreakLeaveTheExecutorOut(how: Break) throws {
        let environment = TestEnvironment(
            try testSnapshot(models: "- {id: m, executors: [{url: 'http://one:1'}]}", settings: "timeouts: {stall: 5s}")
        )
        let executor = environment.snapshot.pool(of: "m").members[0].executor
        let keeping = try TestClient(environment)
        for _ in 0..<2 { try ask(environment, how) }
        try ask(environment, how, isGood: true)
        for _ in 0..<2 { try ask(environment, how) }
        #expect(executor.health == .healthy, "an answer in between has ended whole")
        try ask(environment, how)
        #expect(executor.health != .healthy && executor.running == 0)
        keeping.leave()
    }

    /// An error that the client caused does not count as a fault of the executor.
    @Test func whatTheClientHasCausedIsNoFault() throws {
        let environment = TestEnvironment(try testSnapshot(models: "- {id: m, executors: [{url: 'http://one:1'}]}"))
        let keeping = try TestClient(environment)
        for _ in 0..<5 {
            let client = try TestClient(environment)
            client.ask()
            environment.executors.last?.answer()
            environment.executors.last?.say(Said.token + Said.error(400))
            client.settle()
            client.leave()
        }
        #expect(environment.snapshot.pool(of: "m").members[0].executor.health == .healthy)
        keeping.leave()
    }
}
