// The server may send a response's head before an executor has answered, to keep the client's connection alive. The
// tests are mostly about JSON answers (`json_keep_alive`).

import Foundation
import HTTP
import Inference
import LoopTesting
import Testing

@testable import Edge

@Suite struct EarlyHeadTests {
    // MARK: Which head it is

    private func head(
        _ version: HTTPVersion = .http11,
        path: String = "/v1/chat/completions",
        dialect: Dialect = .openAIChat,
        stream: Bool = false,
        fields: [(String, String)] = [],
        keepsJSONAlive: Bool = true
    ) -> EarlyHead {
        let head = RequestHead(
            method: .post,
            target: Array(path.utf8),
            authority: Array("h".utf8),
            version: version,
            fields: block(fields),
            body: .unknown
        )
        return EarlyHead(
            head,
            path: Array(path.utf8)[...],
            dialect: dialect,
            wantsStream: stream,
            keepsJSONAlive: keepsJSONAlive
        )
    }

    @Test func documentsHaveOneWhereTheSettingIsOn() {
        #expect(head() == .json && head(.http2) == .json)
        #expect(head(keepsJSONAlive: false) == .none)
        for dialect in Dialect.allCases { #expect(head(path: "/v1/own", dialect: dialect) == .json) }
    }

    @Test func streamsHaveTheirOwnWhateverTheSettingIs() {
        for isOn in [false, true] {
            #expect(head(stream: true, keepsJSONAlive: isOn) == .eventStream)
            #expect(head(.http10, stream: true, keepsJSONAlive: isOn) == .eventStream)
            #expect(head(dialect: .embeddings, stream: true, keepsJSONAlive: isOn) == .none)
        }
    }

    @Test func whatMayBeBinaryCutUnseenOrUnwantedHasNone() {
        #expect(head(.http10) == .none)
        for path in ["/v1/audio/speech", "/v1/images/generations", "/audio"] {
            #expect(head(path: path, dialect: .other) == .none, "\(path)")
        }
        #expect(head(path: "/v1/audios", dialect: .other) == .json)
        for stream in [false, true] {
            #expect(head(stream: stream, fields: [("x-freeinference-keep-alive", "off")]) == .none)
        }
    }

    // MARK: What a client gets

    private let one = "{url: 'http://one:1'}"

    private func client(_ executors: String, settings: String = "json_keep_alive: true") throws -> TestClient {
        try TestClient(
            TestEnvironment(
                try testSnapshot(
                    models: "- {id: m, balance: round-robin, executors: [\(executors)]}",
                    settings: settings + "\ncommit_after: 8100ms\nkeep_alive: 1s"
                )
            )
        )
    }

    /// A client that waits for a JSON answer, and has been sent the head and two spaces to keep its connection alive.
    private func silentClient(
        _ executors: String = "{url: 'http://one:1'}",
        settings: String = ""
    ) throws -> TestClient {
        let client = try client(executors, settings: "json_keep_alive: true\n" + settings)
        client.ask(chat(stream: false))
        client.pass(9_400_000_000)
        return client
    }

    /// Expects that the response has ended with the text of this error, and without its last chunk.
    private func expectBroken(_ client: TestClient, with text: String) {
        let received = client.received
        #expect(client.status == 200 && received.contains(text), "\(received)")
        #expect(!received.contains("\r\n0\r\n") && client.peer.end != nil)
        #expect(!received.contains("data:"))
    }

    @Test func silenceHasSpacesAndThenTheAnswer() throws {
        let client = try client(one)
        client.ask(chat(stream: false))
        client.executors[0].takeRequest()
        client.pass(8_000_000_000)
        #expect(client.received.isEmpty)
        client.pass(1_400_000_000)
        let head = client.received
        #expect(client.status == 200 && head.contains("content-type: application/json\r\n"))
        #expect(head.contains("x-request-id: ") && head.contains("transfer-encoding: chunked"))
        #expect(head.contains("x-accel-buffering: no\r\n") && !head.contains("content-length"))
        #expect(head.components(separatedBy: "1\r\n \r\n").count == 3, "a space with the head, and one a second later")
        client.executors[0].answer(type: "application/json", body: .known(Said.document.utf8.count))
        client.executors[0].say(Said.document)
        client.executors[0].end()
        #expect(client.received.contains(Said.document) && client.received.hasSuffix("0\r\n\r\n"))
        #expect(client.finished?.end == .complete && client.finished?.status == 200)
        #expect(client.peer.end == nil, "the connection stays")
    }

    @Test func withoutTheSettingTheClientWaits() throws {
        let client = try client(one, settings: "")
        client.ask(chat(stream: false))
        client.pass(20_000_000_000)
        #expect(client.received.isEmpty)
    }

    @Test func anErrorIsToldInsideAndTheResponseDoesNotEndCleanly() throws {
        let client = try silentClient()
        client.executors[0].refuse(400, #"{"error":{"message":"too long for me","code":400}}"#)
        expectBroken(client, with: #"{"error":{"message":"#)
        #expect(client.finished?.status == 200 && client.finished?.reportedStatus == 400)
    }

    @Test func anotherExecutorMayStillAnswer() throws {
        let client = try silentClient("{url: 'http://one:1'}, {url: 'http://two:1'}")
        client.executors[0].fail()
        try #require(client.executors.count == 2)
        client.pass(1_200_000_000)
        client.executors[1].answer(type: "application/json")
        client.executors[1].say(Said.document)
        client.executors[1].end()
        #expect(client.received.contains(Said.document) && client.finished?.end == .complete)
    }

    @Test func theTimeForTheAnswerGoesOn() throws {
        let client = try silentClient(settings: "timeouts: {response: 12s}")
        client.pass(3_000_000_000)
        expectBroken(client, with: #""code":"response_timeout""#)
        #expect(client.finished?.end == .failed(Failure(.responseTimeout)) && client.executors[0].isCancelled)
    }

    @Test func theEndOfDrainingIsToldInside() throws {
        let client = try silentClient()
        client.exchange.handle(.drainExpired)
        expectBroken(client, with: #""code":"draining""#)
    }

    @Test func anEventStreamAfterTheHeadIsAnErrorInside() throws {
        let client = try silentClient("{url: 'http://one:1'}, {url: 'http://two:1'}")
        client.executors[0].answer()
        expectBroken(client, with: "The answer is not JSON")
        #expect(client.executors.count == 1 && client.finished?.end == .failed(.notJSON))
    }

    @Test(arguments: [("audio/mpeg", "ID3"), ("text/html", "<html>")])
    func anExecutorWhoseAnswerToAChatIsNoneMayBeFollowedByAnother(type: String, text: String) throws {
        let client = try silentClient("{url: 'http://one:1'}, {url: 'http://two:1'}")
        client.executors[0].answer(type: type)
        client.executors[0].say(text)
        client.executors[0].end()
        try #require(client.executors.count == 2)
        client.executors[1].refuse(400)
        expectBroken(client, with: #"{"error":{"message":"#)
    }

    @Test func anAnswerOfAnUnknownAPIThatIsNoJSONIsToldInside() throws {
        let client = try client(one)
        client.ask(#"{"model":"m"}"#, path: "/v1/score")
        client.pass(9_400_000_000)
        client.executors[0].answer(type: "application/octet-stream")
        client.executors[0].say("\u{1}\u{2}")
        client.executors[0].end()
        expectBroken(client, with: "The answer is not JSON")
        #expect(client.finished?.reportedStatus == 502)
    }

    @Test func aHeadOfJSONWithoutItsBodyIsSilenceToo() throws {
        let client = try client(one)
        client.ask(chat(stream: false))
        client.executors[0].answer(type: "application/json")
        client.pass(9_400_000_000)
        #expect(client.status == 200)
        client.executors[0].say(Said.document)
        client.executors[0].end()
        #expect(client.received.contains(Said.document) && client.finished?.end == .complete)
    }

    @Test(arguments: ["audio/mpeg", "text/event-stream"])
    func anotherHeadOfTheExecutorIsWaitedFor(type: String) throws {
        let client = try client(one)
        client.ask(#"{"model":"m"}"#, path: "/v1/score")
        client.executors[0].answer(type: type)
        client.pass(9_400_000_000)
        #expect(client.received.isEmpty)
    }

    @Test func aLargeAnswerFollowsInPieces() throws {
        let client = try silentClient()
        let text = String(repeating: "y", count: 300 << 10)
        client.executors[0].answer(type: "application/json")
        client.executors[0].say(Said.document.replacing("\"x\"", with: "\"\(text)\""))
        client.executors[0].end()
        #expect(client.received.contains(text.prefix(1000)) && client.received.hasSuffix("0\r\n\r\n"))
        #expect(client.finished?.end == .complete)
    }

    @Test func aByteOrderMarkIsNotSentAfterTheSpaces() throws {
        let client = try silentClient()
        client.executors[0].answer(type: "application/json")
        client.executors[0].say([0xEF, 0xBB, 0xBF] + Array(Said.document.utf8))
        client.executors[0].end()
        let received = client.received
        #expect(received.contains(Said.document) && !received.unicodeScalars.contains("\u{FEFF}"))
        #expect(client.finished?.end == .complete)
    }

    @Test func aClientThatLeavesFreesItsExecutor() throws {
        let client = try silentClient()
        client.leave()
        #expect(client.executors[0].isCancelled && client.finished?.end == .clientLeft)
    }
}
