import HTTP
import Inference
import Testing

@testable import Edge

/// Which responses an attempt accepts: documents that are no response, and events without content.
@Suite struct AttemptAnswerTests {
    private static let objects: [Dialect] = [.openAIChat, .completions, .embeddings, .messages, .responses]

    // MARK: Documents

    @Test(arguments: ["{}", "null", "[]", #""Internal error""#, #"{"id":"","choices":null}"#, #"{"message":"hello"}"#])
    func aDocumentWithoutTheMembersOfItsDialectIsNoAnswer(json: String) throws {
        for dialect in Self.objects {
            for body in [chat(stream: false), chat()] {
                let attempt = try PlayedAttempt(dialect, body: body)
                attempt.answers(json, type: "application/json")
                #expect(attempt.end == "failed executor_protocol" && attempt.relayed.isEmpty, "\(dialect)")
                #expect(attempt.attempt.failure?.status == 502 && attempt.attempt.failure?.retry == .elsewhere)
            }
        }
        for dialect in [Dialect.rerank, .tokenize, .countTokens, .other] {
            let attempt = try PlayedAttempt(dialect, body: chat(stream: false))
            attempt.answers(json, type: "application/json")
            #expect(attempt.end == "whole" && attempt.relayed == json, "\(dialect)")
        }
    }

    @Test(
        arguments: [
            ("text/html", "<html>Welcome to nginx!</html>"), ("text/plain", "Internal Server Error"), (nil, "no"),
            ("text/html", "\u{FEFF}<!DOCTYPE html>"), ("text/plain", "data"), ("application/json", "Bad Gateway"),
        ] as [(String?, String)]
    ) func aPageOrATextIsNoAnswer(type: String?, text: String) throws {
        for body in [chat(), chat(stream: false)] {
            let attempt = try PlayedAttempt(body: body)
            attempt.answers(text, type: type)
            #expect(attempt.end.hasPrefix("failed executor_") && attempt.relayed.isEmpty)
            #expect(attempt.attempt.failure?.status == 502 && attempt.attempt.failure?.retry == .elsewhere)
        }
    }

    @Test(arguments: [
        (Dialect.openAIChat, Said.document), (.completions, #"{"choices":[{"index":0,"text":"x"}]}"#),
        (.openAIChat, #"{"choices":[],"error":{"code":0,"message":""}}"#),
        (.embeddings, #"{"data":[{"embedding":[1]}]}"#),
        (.embeddings, #"{"embeddings":[[1]]}"#), (.messages, #"{"content":[],"stop_reason":"end_turn"}"#),
        (.responses, #"{"object":"response","status":"completed","error":null,"output":[]}"#),
        (.openAIChat, "\u{FEFF}" + Said.document),
    ]) func aGoodAnswerPasses(dialect: Dialect, json: String) throws {
        for (type, stream) in [("application/json", false), ("text/plain", false), ("application/json", true)] {
            let attempt = try PlayedAttempt(dialect, body: chat(stream: stream))
            attempt.answers(json, type: type)
            #expect(attempt.end == "whole" && attempt.relayed == json)
        }
    }

    @Test func aDocumentThatDoesNotParseIsABrokenAttempt() throws {
        for json in [String(Said.document.dropLast(20)), Said.document + "\n{\"error\":\"x\"}", Said.document + "]"] {
            let attempt = try PlayedAttempt(body: chat(stream: false))
            attempt.answers(json, type: "application/json")
            #expect(attempt.end == "failed executor_broke_off" && attempt.attempt.failure?.retry == .elsewhere)
        }
    }

    @Test func aCompressedDocumentIsNotJudged() throws {
        let attempt = try PlayedAttempt(body: chat(stream: false))
        attempt.played.answer(200, type: "application/json", [("content-encoding", "gzip")])
        attempt.played.say([0x1F, 0x8B, 8])
        attempt.played.end()
        #expect(attempt.owner.heard.contains("ready"))
    }

    @Test(arguments: [
        #"{"object":"response","status":"failed","error":null,"output":[]}"#, #"[{"error":{"message":"m"}}]"#,
        "\u{FEFF}{\"error\":{\"message\":\"m\"}}", #"{"errors":[{"message":"m"}]}"#,
    ]) func aDocumentThatTellsAnErrorIsOne(json: String) throws {
        for type in ["application/json", "text/plain"] {
            let attempt = try PlayedAttempt(.responses, body: chat(stream: false))
            attempt.answers(json, type: type)
            #expect(attempt.end == "failed executor_error" && attempt.relayed.isEmpty)
        }
    }

    @Test func bytesThatAreNoTextDoNotBreakAnAnswer() throws {
        let whole = Array(Said.document.replacing("\"x\"", with: "\"#\"").utf8).flatMap {
            $0 == 0x23 ? [0xE4, 0xB8] : [$0]
        }
        let attempt = try PlayedAttempt(body: chat(stream: false))
        attempt.played.answer(type: "application/json", body: .untilClose)
        attempt.played.say(whole)
        attempt.played.end()
        #expect(attempt.end == "whole" && attempt.attempt.answer.scan?.finishReason == "stop")
        let stream = try PlayedAttempt(.responses)
        stream.played.answer()
        stream.played.say(Array("event: response.completed\ndata: {\"response\":{\"output\":\"".utf8) + [0xFF])
        stream.played.say("\"},\"type\":\"response.completed\"}\n\n")
        #expect(stream.end == "whole")
    }

    // MARK: Events without content

    private static let filter =
        "data: {\"choices\":[],\"id\":\"\",\"object\":\"\",\"prompt_filter_results\":[{\"prompt_index\":0}]}\n\n"

    @Test(arguments: [
        "data:\n\n", "data: hello\n\n", filter, "data: {}\n\n", "data: {\"id\":\"\",\"choices\":null}\n\n",
    ])
    func aFirstEventThatSaysNothingIsHeld(event: String) throws {
        let failed = try PlayedAttempt()
        failed.played.answer()
        failed.played.say(event)
        #expect(failed.owner.heard == ["head events"])
        failed.played.say(Said.error())
        #expect(failed.end == "failed executor_error" && failed.relayed.isEmpty)
        let good = try PlayedAttempt()
        good.answers(event + "id: 1\n\n" + event + Said.token + event + Said.finish + Said.done)
        #expect(good.end == "whole")
        #expect(good.relayed == event + "id: 1\n\n" + event + Said.token + event + Said.finish + Said.done)
        for end in ["", Said.done] {
            let empty = try PlayedAttempt()
            empty.answers(event + end)
            #expect(empty.end == "failed executor_broke_off" && empty.relayed.isEmpty)
        }
    }

    @Test func whatIsHeldIsBounded() throws {
        let attempt = try PlayedAttempt()
        attempt.played.answer()
        let large = "data: {\"choices\":[],\"x\":\"" + String(repeating: "x", count: Attempt.fieldsMax) + "\"}\n\n"
        attempt.played.say(Self.filter)
        #expect(attempt.owner.heard == ["head events"])
        attempt.played.say(large)
        #expect(attempt.relayed == Self.filter + large)
    }

    @Test func aPingBeforeAMessageIsHeld() throws {
        let ping = "event: ping\ndata: {\"type\": \"ping\"}\n\n"
        let attempt = try PlayedAttempt(.messages)
        attempt.played.answer()
        attempt.played.say(ping)
        #expect(attempt.owner.heard == ["head events"])
        attempt.played.say("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n")
        #expect(attempt.end == "failed executor_error" && attempt.relayed.isEmpty)
    }

    @Test func otherStreamsMaySayAnything() throws {
        let attempt = try PlayedAttempt(.other)
        attempt.played.answer()
        attempt.played.say("data: hello\n\n")
        #expect(attempt.relayed == "data: hello\n\n")
    }

    // MARK: Usage that only the edge requested

    @Test func theIdentityOfAnEventThatIsLeftOutStays() throws {
        let attempt = try PlayedAttempt()
        let usage = "id: 77\nretry: 9\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":7}}\n\n"
        attempt.answers(Said.token + Said.finish + usage + Said.done)
        #expect(
            attempt.end == "whole" && attempt.relayed == Said.token + Said.finish + "id: 77\nretry: 9\n" + Said.done
        )
    }
}
