import HTTP
import Inference
import LoopTesting
import Testing
import Transport

@testable import Edge

/// Keep-alive comments, which the edge writes into a stream while the executor is silent.
@Suite struct ExchangeDeadlinesTests {
    private let comment = ": keep-alive\n\n"

    private func client(stall: String = "300s") throws -> TestClient {
        let settings = "keep_alive: 1s\ntimeouts: {stall: \(stall), client_stall: 300s}"
        let models = "- {id: m, executors: [{url: 'http://one:1'}]}"
        return try TestClient(TestEnvironment(testSnapshot(models: models, settings: settings)))
    }
    private func begin(_ client: TestClient, _ first: String = Said.token) {
        client.ask()
        client.executors[0].answer()
        client.executors[0].say(first)
        client.settle()
    }
    private func comments(_ client: TestClient) -> Int { client.received.components(of: comment) }

    /// Once an event had an `id`, the edge writes its keep-alive comments without a blank line.
    ///
    /// Otherwise openai-python 2.37 reads each blank line as the end of an extra event.
    @Test func noneEndsAnEventOnceThereWasAnID() throws {
        let client = try client()
        begin(client, "id: 1\n" + Said.token)
        client.pass(3200 * second / 1000)
        #expect(comments(client) == 0 && client.received.components(of: ": keep-alive\n") == 3)
        client.executors[0].say(Said.finish + Said.done)
        client.executors[0].end()
        client.settle()
        #expect(client.finished?.end == .complete)
    }

    @Test func eachIntervalOfSilenceHasOne() throws {
        let client = try client()
        begin(client)
        client.pass(900 * second / 1000)
        #expect(comments(client) == 0)
        client.pass(2200 * second / 1000)
        #expect(comments(client) == 3)
        client.executors[0].say(Said.token)
        client.pass(900 * second / 1000)
        #expect(comments(client) == 3, "counted from the last event")
        client.executors[0].say(Said.finish + Said.done)
        client.executors[0].end()
        client.settle()
        #expect(client.finished?.end == .complete && client.finished?.stream?.tokens == 2)
        client.pass(3 * second)
        #expect(comments(client) == 3, "nothing follows the end")
    }

    @Test func aStreamThatMovesHasNone() throws {
        let client = try client()
        begin(client)
        for _ in 0..<20 {
            client.pass(900 * second / 1000)
            client.executors[0].say(Said.token)
        }
        #expect(comments(client) == 0)
    }

    /// The edge's own keep-alive comments do not count as progress of the executor, so `stall` still ends the attempt.
    @Test func theyDoNotPutTheStallOff() throws {
        let client = try client(stall: "2500ms")
        begin(client)
        client.pass(2600 * second / 1000)
        #expect(comments(client) == 2)
        #expect(client.finished?.end == .failed(Failure(.stall)) && client.executors[0].isCancelled)
    }

    @Test func halfAnEventThatIsHeldBackDoesNotKeepThemAway() throws {
        let client = try client()
        begin(client)
        client.executors[0].say("data: {\"choices\":[")
        client.pass(1100 * second / 1000)
        #expect(comments(client) == 1)
        client.executors[0].say("{\"delta\":{\"content\":\"y\"}}]}\n\n")
        client.settle()
        #expect(client.received.contains(comment) && !client.received.contains("[" + comment))
    }

    /// No comment is sent while an event is relayed in pieces, because it would stand inside the event.
    @Test func anEventThatPassesInPiecesIsNotBroken() throws {
        let client = try client()
        begin(client)
        client.executors[0].say("data: {\"x\":\"" + String(repeating: "x", count: 100 << 10))
        client.pass(3 * second)
        #expect(comments(client) == 0)
        client.executors[0].say("\"}\n\n")
        client.pass(2100 * second / 1000)
        #expect(comments(client) >= 1)
    }

    @Test func silenceIsGivenToWhoAsksForIt() throws {
        let client = try client()
        let body = chat()
        client.peer.send(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nx-freeinference-keep-alive: off\r\n"
                + "content-type: application/json\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
        )
        client.settle()
        client.executors[0].answer()
        client.executors[0].say(Said.token)
        client.pass(3 * second)
        #expect(comments(client) == 0 && client.exchange.phase == .relay)
    }

    @Test func messagesHavePings() throws {
        let client = try client()
        client.ask(
            #"{"model":"m","stream":true,"max_tokens":5,"messages":[{"role":"user","content":"hello"}]}"#,
            path: "/v1/messages"
        )
        client.executors[0].answer()
        client.executors[0].say("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n")
        client.pass(1100 * second / 1000)
        #expect(client.received.components(of: "event: ping\ndata: {\"type\": \"ping\"}\n\n") == 1)
        #expect(comments(client) == 0)
    }

    @Test func aModelHasDeadlinesOfItsOwn() throws {
        let models = """
            - {id: m, timeouts: {stall: 1s, first_event: 2s}, executors: [{url: 'http://one:1'}]}
            - {id: n, executors: [{url: 'http://one:1'}]}
            """
        let settings = "timeouts: {stall: 5s, first_event: 7s, response: 9s}"
        let snapshot = try testSnapshot(models: models, settings: settings)
        let seconds = snapshot.models.map { model in
            [model.timeouts.firstEvent, model.timeouts.response, model.timeouts.stall].map { $0 / second }
        }
        #expect(seconds == [[2, 9, 1], [7, 9, 5]])
        let client = try TestClient(TestEnvironment(snapshot))
        begin(client)
        client.pass(1100 * second / 1000)
        #expect(client.finished?.end == .failed(Failure(.stall)))
    }

    /// A fallback model uses its own timeouts.
    @Test func aFallbackHasItsOwn() throws {
        let models = """
            - {id: m, timeouts: {stall: 1s}, fallbacks: [n], executors: [{url: 'http://one:1'}]}
            - {id: n, timeouts: {stall: 3s}, executors: [{url: 'http://two:1'}]}
            """
        let client = try TestClient(TestEnvironment(testSnapshot(models: models)))
        client.ask()
        client.executors[0].fail(.connectTimeout)
        client.settle()
        client.executors[1].answer()
        client.executors[1].say(Said.token)
        client.pass(2 * second)
        #expect(client.exchange.phase == .relay)
        client.pass(1100 * second / 1000)
        #expect(client.finished?.end == .failed(Failure(.stall)))
    }
}

extension String {
    /// The number of occurrences of `part` in the text.
    fileprivate func components(of part: String) -> Int { ranges(of: part).count }
}
