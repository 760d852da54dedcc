import Foundation
import HTTP
import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

/// Tests the record of a finished exchange, for each way to end, and the log line and counters that are made from it.
@Suite struct FinishedExchangeTests {
    private func client(_ executors: String = "{url: 'http://one:1'}, {url: 'http://two:1'}") throws -> TestClient {
        let models = "- {id: m, balance: round-robin, executors: [\(executors)]}"
        return try TestClient(TestEnvironment(testSnapshot(models: models)))
    }

    private func line(_ finished: FinishedExchange?) throws -> [String: Any] {
        let finished = try #require(finished)
        let object = try JSONSerialization.jsonObject(with: Data(finished.logLine))
        return try #require(object as? [String: Any])
    }

    @Test func idsAreOursAndDiffer() throws {
        let client = try client()
        client.peer.send("GET / HTTP/1.1\r\nhost: h\r\nx-request-id: same\r\n\r\n")
        client.settle()
        client.peer.send("GET / HTTP/1.1\r\nhost: h\r\nx-request-id: same\r\n\r\n")
        client.settle()
        let finished = client.environment.finished
        #expect(finished.map(\.requestID) == ["same", "same"] && Set(finished.map(\.id)).count == 2)
        #expect(try line(finished.first)["exchange_id"] as? String == "1-1")
        #expect("\(ExchangeID(processStart: 1_764_300_000_123, number: 7))" == "1764300000123-7")
    }

    @Test func theClientsCertificateIsInTheLine() throws {
        let client = try client()
        client.peer.send("GET / HTTP/1.1\r\nhost: h\r\n\r\n")
        client.settle()
        var finished = try #require(client.finished)
        #expect(try line(finished)["client_certificate"] == nil)
        finished.clientCertificate = ClientCertificate(subject: "CN=a\\, \"b\"", fingerprint: "00ff")
        let certificate = try #require(line(finished)["client_certificate"] as? [String: String])
        #expect(certificate == ["subject": "CN=a\\, \"b\"", "fingerprint": "00ff"])
    }

    @Test func aSessionThatTheClientNamesIsInTheLine() throws {
        let client = try client()
        client.ask(fields: "session_id: s\"1")
        client.executors[0].refuse(400)
        client.settle()
        #expect(try line(client.finished)["session"] as? String == "s\"1")
        client.ask()
        client.executors[1].refuse(400)
        client.settle()
        #expect(try line(client.finished)["session"] == nil)
    }

    @Test func aRetryIsInTheLineWithItsReason() throws {
        let client = try client()
        client.ask()
        client.executors[0].fail(.violation("no HTTP"))
        client.executors[1].answer()
        client.executors[1].say(Said.token + Said.finish + Said.done)
        client.executors[1].end()
        client.settle()
        let line = try line(client.finished)
        #expect(line["end"] as? String == "complete" && line["side"] == nil && line["attempts"] as? Int == 2)
        #expect(line["executor"] as? String == client.executors[1].name)
        let failed = try #require(line["failed_attempts"] as? [[String: Any]])
        #expect(failed.count == 1 && failed[0]["executor"] as? String == client.executors[0].name)
        #expect(failed[0]["end"] as? String == "executor_protocol" && failed[0]["detail"] as? String == "no HTTP")
        #expect(line["stream"] as? Bool == true && line["finish_reason"] as? String == "stop")
        #expect(line["tokens"] as? Int == 1 && line["tokens_estimated"] as? Bool == true)
    }

    /// The failure that the edge reported to the client is the `end` of the log line.
    ///
    /// It is not repeated under `failed_attempts`.
    @Test func theFailureThatIsToldIsTheEnd() throws {
        let client = try client("{url: 'http://one:1'}")
        client.ask()
        client.executors[0].fail(.closedBeforeHead)
        client.settle()
        let line = try line(client.finished)
        #expect(line["end"] as? String == "executor_broke_off" && line["side"] as? String == "executor")
        #expect(line["attempts"] as? Int == 1 && line["failed_attempts"] == nil && line["status"] as? Int == 502)
        #expect(line["tokens"] as? Int == 0 && line["prompt_tokens"] as? Int == 0)
    }

    @Test func aFailureBeforeAnotherEndIsNotForgotten() throws {
        let client = try client()
        client.ask()
        client.executors[0].fail(.closedBeforeHead)
        client.leave()
        let line = try line(client.finished)
        #expect(line["end"] as? String == "client_left" && line["attempts"] as? Int == 2)
        let failed = try #require(line["failed_attempts"] as? [[String: Any]])
        #expect(failed.map { $0["end"] as? String } == ["executor_broke_off"])
    }

    @Test func theCountersTakeWhatTheLineSays() throws {
        let client = try client()
        client.ask()
        client.executors[0].fail(.closedBeforeHead)
        client.executors[1].answer()
        client.executors[1].say(Said.token + Said.token + Said.done)
        client.executors[1].end()
        client.settle()
        let model = try #require(client.environment.snapshot.models.first)
        let row = try #require(client.environment.metrics.counters.models[model.entry.id])
        #expect(row.ends[Ending.index(of: .complete)] == 1 && row.ends.reduce(0, +) == 1)
        let first = try #require(row.attempts[client.executors[0].target.executor.id])
        #expect(first[Ending.index(of: Failure(.executorBrokeOff))] == 1 && first.reduce(0, +) == 1)
        let second = try #require(row.attempts[client.executors[1].target.executor.id])
        #expect(second[Ending.index(of: .complete)] == 1 && second.reduce(0, +) == 1)
        #expect(row.gap.count == 1 && row.firstToken.count == 1 && row.timePerToken.count == 1)
        #expect(row.tokens[.init(isInput: false, isEstimated: true)] == 2)
    }

    @Test func cachedAndReasoningTokensStandInTheLine() throws {
        let client = try client()
        client.ask()
        client.executors[0].answer()
        let usage =
            #"{"prompt_tokens":10,"completion_tokens":9,"prompt_tokens_details":{"cached_tokens":8},"#
            + #""completion_tokens_details":{"reasoning_tokens":7}}"#
        client.executors[0].say(Said.token + #"data: {"choices":[],"usage":\#(usage)}"# + "\n\n" + Said.done)
        client.executors[0].end()
        client.settle()
        let line = try line(client.finished)
        #expect(line["prompt_tokens"] as? Int == 10 && line["cached_tokens"] as? Int == 8)
        #expect(line["tokens"] as? Int == 9 && line["reasoning_tokens"] as? Int == 7)
        #expect(!client.received.contains("reasoning_tokens"))
    }

    @Test func toCountTokensIsToUseNone() throws {
        let client = try client()
        client.ask(chat(stream: false), path: "/v1/messages/count_tokens")
        client.executors[0].answer(type: "application/json")
        client.executors[0].say(#"{"input_tokens":90}"#)
        client.executors[0].end()
        client.settle()
        let line = try line(client.finished)
        #expect(line["end"] as? String == "complete" && line["model"] as? String == "m")
        #expect(line["tokens"] == nil && line["prompt_tokens"] == nil)
    }

    @Test func tokensThatNobodyTookAreWasted() throws {
        let client = try client()
        client.ask()
        client.executors[0].answer()
        client.executors[0].say(Said.token + Said.token)
        // The client leaves before the event loop has sent it the bytes.
        client.leave()
        let finished = try #require(client.finished)
        #expect(finished.end == .clientLeft && finished.stream?.tokens == 2)
        #expect(finished.bytesLost > 0 || finished.wastedTokens == 0)
    }

    @Test func aRefusalOfHTTPIsFinishedToo() throws {
        let environment = TestEnvironment(try testSnapshot(models: "- {id: m, executors: [{url: 'http://one:1'}]}"))
        let client = try TestClient(environment)
        client.peer.send("GET / HTTP/1.1\r\nhost: h\r\n\r\n")
        client.settle()
        let refused = FinishedExchange(
            refused: Failure(.headerTooLarge),
            id: environment.nextExchangeID(),
            requestID: "r",
            stream: client.exchange.stream,
            now: environment.loop.now
        )
        let line = try line(refused)
        #expect(line["status"] as? Int == 431 && line["method"] as? String == "-" && line["path"] as? String == "")
        #expect(line["end"] as? String == "header_too_large" && line["side"] as? String == "client")
        environment.metrics.count(refused)
        let row = try #require(environment.metrics.counters.models[WorkerCounters.noModel])
        #expect(row.ends[Ending.index(of: Failure(.headerTooLarge))] == 1)
    }
}
