import Foundation
import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge
@testable import HTTP

/// Tests complete exchanges, from the head of a request to the last byte of the response; the test plays the executors.
@Suite struct ExchangeTests {
    private let two = "{url: 'http://one:1'}, {url: 'http://two:1'}"

    private func client(_ executors: String, settings: String = "", model: String = "") throws -> TestClient {
        let models = "- {id: m, balance: round-robin\(model), executors: [\(executors)]}"
        return try TestClient(TestEnvironment(testSnapshot(models: models, settings: settings)))
    }

    /// An exchange has few stored properties; parts that can be separated are structs with their own tests.
    @Test func anExchangeHasFewStoredProperties() throws {
        let client = try client("{url: 'http://one:1'}")
        client.ask()
        #expect(Mirror(reflecting: client.exchange).children.count < 15)
    }

    // MARK: Responses

    @Test func aStreamPassesEventByEventAndEndsWithItsLast() throws {
        let client = try client("{url: 'http://one:1'}")
        client.ask()
        let executor = try #require(client.executors.first)
        #expect(executor.body.contains(#""include_usage":true"#))
        executor.answer()
        #expect(client.received.isEmpty, "nothing is committed before the first event")
        executor.say(Said.token)
        #expect(client.status == 200 && client.received.contains(Said.token))
        executor.say(Said.finish + Said.done)
        executor.end()
        #expect(client.received.hasSuffix("\r\n0\r\n\r\n"))
        #expect(client.finished?.end == .complete)
        #expect(client.finished?.attempts.count == 1 && client.finished?.stream?.tokens == 1)
        #expect(!executor.isCancelled, "its connection goes back to the pool")
    }

    @Test func aDocumentHasItsLength() throws {
        let client = try client("{url: 'http://one:1'}")
        client.ask(chat(stream: false))
        client.executors[0].answer(type: "application/json")
        client.executors[0].say(Said.document)
        #expect(client.received.isEmpty, "a document is held until it is whole")
        client.executors[0].end()
        #expect(client.received.contains("content-length: \(Said.document.utf8.count)\r\n"))
        #expect(client.received.hasSuffix(Said.document))
        #expect(client.finished?.end == .complete && client.finished?.isScannedDocument == true)
    }

    @Test func anExecutorThatDoesNotEndItsSideIsCutAfterASecond() throws {
        let client = try client("{url: 'http://one:1'}")
        client.ask()
        client.executors[0].answer()
        client.executors[0].say(Said.token + Said.done)
        #expect(client.received.hasSuffix("0\r\n\r\n") && client.finished?.end == .complete)
        client.pass(900_000_000)
        #expect(!client.executors[0].isCancelled)
        client.pass(200_000_000)
        #expect(client.executors[0].isCancelled)
    }

    @Test func aSlowClientPausesItsExecutor() throws {
        let client = try client("{url: 'http://one:1'}", settings: "limits: {exchange_buffer: 64KiB}")
        client.ask()
        client.executors[0].answer()
        client.executors[0].say(Said.token)
        let limit = try #require(client.executors[0].readLimit)
        // The kernel buffers some megabytes for the client's socket. Only when it is full do bytes wait in the stream.
        let large = "data: {\"choices\":[{\"delta\":{\"content\":\"\(String(repeating: "x", count: limit))\"}}]}\n\n"
        for _ in 0..<200 where client.executors[0].isReading {
            client.executors[0].say(large)
            client.environment.loop.turn(waitMax: 0)
        }
        #expect(!client.executors[0].isReading && client.exchange.memory.window.isPaused)
        client.settle()
        #expect(client.executors[0].isReading, "the client has read on")
    }

    /// While the edge does not read from an executor, because the client is slow, the executor has no stall deadline.
    @Test func aPausedExecutorDoesNotStall() throws {
        let client = try client(
            "{url: 'http://one:1'}",
            settings: "limits: {exchange_buffer: 64KiB}\ntimeouts: {stall: 1s, client_stall: 60s}"
        )
        client.ask()
        client.executors[0].answer()
        client.executors[0].say(Said.token)
        let limit = try #require(client.executors[0].readLimit)
        let large = "data: {\"choices\":[{\"delta\":{\"content\":\"\(String(repeating: "x", count: limit))\"}}]}\n\n"
        for _ in 0..<200 where client.executors[0].isReading {
            client.executors[0].say(large + Said.token + Said.token)
            client.environment.loop.turn(waitMax: 0)
        }
        #expect(!client.executors[0].isReading && client.exchange.deadlines.stall == .max)
        client.environment.test.clock.advance(by: 2_000_000_000)
        client.environment.loop.turn(waitMax: 0)
        #expect(client.exchange.phase == .relay && client.environment.finished.isEmpty)
    }

    /// The edge cuts off a client that reads a few bytes from time to time, but fewer than `limits.read_pace` demands.
    @Test(arguments: [0, 1 << 20]) func aClientThatReadsTooSlowlyIsCut(pace: Int) throws {
        let client = try client(
            "{url: 'http://one:1'}",
            settings: "limits: {exchange_buffer: 64KiB, read_pace: \(pace)}\nkeep_alive: 10m"
        )
        client.ask()
        client.executors[0].answer()
        client.executors[0].say(Said.token)
        let limit = try #require(client.executors[0].readLimit)
        let large = "data: {\"choices\":[{\"delta\":{\"content\":\"\(String(repeating: "x", count: limit))\"}}]}\n\n"
        for _ in 0..<200 where client.executors[0].isReading {
            client.executors[0].say(large)
            client.environment.loop.turn(waitMax: 0)
        }
        for _ in 0..<7 where client.finished == nil {
            client.environment.test.clock.advance(by: 30 * second)
            // Pretends that the client has just read a few bytes, so that the deadline `client_stall` is not reached.
            client.exchange.stream.lastMoved = client.environment.test.clock.now
            client.environment.loop.turn(waitMax: 0)
        }
        guard pace > 0 else {
            #expect(client.finished == nil && client.exchange.phase == .relay)
            return
        }
        guard case .failed(let failure) = client.finished?.end else {
            Issue.record("the client was not cut")
            return
        }
        #expect(failure.kind == .clientStalled && failure.detail?.contains("in 60 s") == true)
        #expect(client.executors[0].isCancelled && client.finished?.bytesLost ?? 0 > 0)
    }

    /// If the engine is slow, a client that reads everything is not cut off, although it reads less than
    /// `limits.read_pace`.
    @Test func aClientOfASlowEngineIsNotCut() throws {
        let client = try client("{url: 'http://one:1'}", settings: "limits: {read_pace: 1MiB}\nkeep_alive: 10m")
        client.ask()
        client.executors[0].answer()
        for _ in 0..<40 {
            client.executors[0].say(Said.token)
            client.pass(6 * second, step: second)
        }
        #expect(client.exchange.phase == .relay)
    }

    // MARK: Events that arrive in one read

    /// If the first executor sends an error event before any token, another executor answers.
    ///
    /// No byte of the first one may be in the response, even if more bytes came with the error.
    @Test(arguments: [
        Said.error() + Said.done, Said.error() + Said.token + Said.done, Said.error(429) + Said.done,
        ": comment\n\n" + Said.error() + Said.error() + Said.done,
    ])
    func anErrorEventAndMoreInOneChunkGoToTheNextExecutor(chunk: String) throws {
        let client = try client(two)
        client.ask()
        client.executors[0].answer()
        client.executors[0].say(chunk)
        try expectThatTheOtherAnswers(client)
    }

    @Test func anErrorEventWithoutItsLastLineEndGoesToTheNextExecutor() throws {
        for ending in ["\r\n\r", "\r\n\r\n", "\n\n", "\r\r", "\n"] {
            let client = try client(two)
            client.ask()
            client.executors[0].answer()
            client.executors[0].say("data: {\"error\":{\"code\":503}}" + ending)
            client.executors[0].end()
            try expectThatTheOtherAnswers(client)
        }
    }

    private func expectThatTheOtherAnswers(_ client: TestClient) throws {
        #expect(client.received.isEmpty && client.executors.count == 2)
        let other = try #require(client.executors.last)
        #expect(other.name != client.executors[0].name)
        let innocent = other.target.executor
        #expect(innocent.running == 1 && client.executors[0].target.executor.running == 0)
        other.answer()
        other.say(Said.token)
        other.say(Said.finish + Said.done)
        other.end()
        #expect(client.status == 200 && client.received.hasSuffix("\r\n0\r\n\r\n"))
        #expect(client.finished?.end == .complete)
        #expect(client.finished?.attempts.map { $0.failure == nil } == [false, true])
        #expect(client.finished?.usage?.output == 1)
        #expect(innocent.health == .healthy && innocent.running == 0)
    }

    @Test func afterItsFirstEventAnErrorIsToldInTheStreamAndNobodyElseIsAsked() throws {
        let client = try client(two)
        client.ask()
        client.executors[0].answer()
        client.executors[0].say(Said.token + Said.error())
        client.executors[0].end()
        #expect(client.executors.count == 1)
        #expect(client.received.contains(#""code":503"#) && !client.received.hasSuffix("0\r\n\r\n"))
    }

    // MARK: Failures

    @Test func anAnswerThatIsCutIsNeverWhole() throws {
        let client = try client(two)
        client.ask()
        client.executors[0].answer()
        client.executors[0].say(Said.token)
        client.executors[0].fail()
        #expect(client.received.contains(#""finish_reason":"error""#) && !client.received.hasSuffix("0\r\n\r\n"))
        #expect(client.peer.end != nil && client.executors.count == 1)
        guard case .failed(let failure)? = client.finished?.end else {
            Issue.record("it is told as a failure")
            return
        }
        #expect(failure.kind == .executorBrokeOff && failure.detail == "it closed the connection in its answer")
    }

    @Test func aClientThatLeavesFreesItsExecutorAtOnce() throws {
        let client = try client("{url: 'http://one:1'}")
        client.ask()
        client.leave()
        #expect(client.executors[0].isCancelled && client.executors[0].target.executor.running == 0)
        #expect(client.finished?.end == .clientLeft && client.finished?.status == 499)
    }

    @Test func silenceHasCommentsAndThenTheAnswer() throws {
        let client = try client("{url: 'http://one:1'}", settings: "commit_after: 8100ms\nkeep_alive: 1s")
        client.ask()
        client.executors[0].takeRequest()
        client.pass(8_000_000_000)
        #expect(client.received.isEmpty)
        client.pass(1_400_000_000)
        #expect(client.status == 200 && client.received.components(separatedBy: ": keep-alive").count == 3)
        client.executors[0].answer()
        client.executors[0].say(Said.token + Said.done)
        client.executors[0].end()
        #expect(client.received.contains(Said.token) && client.finished?.end == .complete)
    }

    @Test func anAnswerThatIsNoStreamCannotFollowSilence() throws {
        let client = try client(two, settings: "commit_after: 8100ms")
        client.ask()
        client.pass(8_200_000_000)
        client.executors[0].refuse(400)
        #expect(client.received.contains(#""finish_reason":"error""#))
        #expect(client.executors.count == 1, "400 is the client's: no other executor is asked")
    }

    @Test func aStreamThatStallsCountsAgainstItsExecutor() throws {
        let client = try client(two, settings: "timeouts: {stall: 1s}")
        client.ask()
        client.executors[0].answer()
        client.executors[0].say(Said.token)
        client.pass(1_100_000_000)
        #expect(client.finished?.end == .failed(Failure(.stall)) && client.executors[0].isCancelled)
    }

    @Test func theEndOfDrainingIsTold() throws {
        let client = try client("{url: 'http://one:1'}")
        client.ask()
        client.exchange.handle(.drainExpired)
        #expect(client.status == 503 && client.executors[0].isCancelled)
    }

    // MARK: Requests

    @Test func aBodyThatDoesNotComeIsLate() throws {
        let client = try client("{url: 'http://one:1'}", settings: "timeouts: {body: 1s}")
        client.begin("{", length: 100)
        client.pass(1_200_000_000)
        #expect(client.status == 408)
        #expect(client.exchange.stream.connection.account.bodies == 0)
    }

    @Test func modelsThatAreNotThereAreToldInTheDialect() throws {
        let client = try client("{url: 'http://one:1'}")
        client.ask(chat(model: "other"), path: "/v1/messages")
        #expect(client.status == 404 && client.received.contains(#""type":"not_found_error""#))
        #expect(client.finished?.model == nil && client.finished?.usage == nil)
    }

    @Test func aLargeBodyIsScannedElsewhere() throws {
        let client = try client("{url: 'http://one:1'}")
        let filler = String(repeating: "x", count: ScanThread.threshold)
        let body = #"{"model":"m","messages":["\#(filler)"]}"#
        client.begin("", length: body.utf8.count)
        var rest = Array(body.utf8)[...]
        while !rest.isEmpty {
            rest = rest.dropFirst(client.peer.send(Array(rest.prefix(64 << 10))))
            client.environment.test.settle(client.peer)
        }
        let scan = try #require(client.environment.scans.first)
        #expect(client.executors.isEmpty && scan.body.count == body.utf8.count)
        scan.exchange.bodyScanned(.success(try client.environment.scanner.scanRequest(scan.body)))
        #expect(client.executors.count == 1 && client.executors[0].body == body)
    }

    @Test func aClientThatWeCutIsLoggedAsSuch() throws {
        let client = try client("{url: 'http://one:1'}")
        client.ask()
        client.exchange.clientLeft(.violation("HTTP/2: too many resets of streams"))
        let finished = try #require(client.finished)
        #expect(finished.end == .failed(.clientViolation("HTTP/2: too many resets of streams")))
        #expect(finished.status == 499 && client.executors[0].isCancelled)
        let line = String(decoding: finished.logLine, as: UTF8.self)
        let said = #""end":"client_violation","side":"client","detail":"HTTP/2: too many resets of streams""#
        #expect(line.contains(said))
    }

    @Test func healthChecksAreFinishedButNotCounted() throws {
        let client = try client("{url: 'http://one:1'}")
        client.peer.send("GET /health HTTP/1.1\r\nhost: h\r\n\r\n")
        #expect(client.status == 200 && client.finished?.isHealthCheck == true)
        client.environment.isLeaving = true
        client.peer.send("GET /health HTTP/1.1\r\nhost: h\r\n\r\n")
        #expect(client.received.contains("HTTP/1.1 503 ") && client.received.contains("draining"))
    }
}
