import Foundation
import HTTP
import Inference
import Testing

@testable import Edge

/// Compares attempts with simple reference parsers: for events by the WHATWG standard, and for responses that are cut
/// at every byte.
@Suite struct AnswerDifferentialTests {
    // MARK: A reference parser for events

    /// The data of each event, by section 9.2.6 of the WHATWG HTML standard; an event without a blank line is dropped.
    private static func dataOfEvents(_ stream: [UInt8]) -> [String] {
        let (lf, cr) = (UInt8(ascii: "\n"), UInt8(ascii: "\r"))
        let begin = stream.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        var (events, data, start) = ([String](), [String](), begin)
        for index in begin..<stream.count where stream[index] == lf || stream[index] == cr {
            defer { start = index + 1 }
            if stream[index] == lf, index > begin, stream[index - 1] == cr { continue }
            let line = stream[start..<index]
            if line.isEmpty, !data.isEmpty { events.append(data.joined(separator: "\n")) }
            if line.isEmpty { data = [] }
            let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.first?.elementsEqual("data".utf8) == true else { continue }
            let value = parts.count > 1 ? parts[1] : []
            data.append(String(decoding: value.first == UInt8(ascii: " ") ? value.dropFirst() : value, as: UTF8.self))
        }
        return events
    }

    private static func dataOfEvents(_ stream: String) -> [String] { dataOfEvents(Array(stream.utf8)) }

    @Test func theReaderReadsTheExamplesOfTheStandard() {
        #expect(Self.dataOfEvents("data: YHOO\ndata: +2\ndata: 10\n\n") == ["YHOO\n+2\n10"])
        let four = ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"
        #expect(Self.dataOfEvents(four) == ["first event", "second event", " third event"])
        #expect(Self.dataOfEvents("data\n\ndata\ndata\n\ndata:") == ["", "\n"])
        #expect(Self.dataOfEvents("\u{FEFF}data:test\r\rdata: test\r\n\r\ndata: cut\r\n") == ["test", "test"])
    }

    // MARK: Events in every form

    /// A text longer than 64 KiB, the largest event that the edge buffers whole; longer ones are relayed in pieces.
    private static let long = String(repeating: "x", count: 70_000)
    /// The chunks of a chat stream; each is split into the pieces that two `data` lines may hold.
    private static let events = [
        [#"{"choices":[{"index":0,"#, #""delta":{"content":"é\n: x"},"finish_reason":null}]}"#],
        [#"{"choices":[{"index":0,"delta":{"content":"data: [DONE]"}}],"#, #""usage":null}"#],
        [#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"#, #""function":{"arguments":"{"}}]}}]}"#],
        [#"{"choices":[{"index":0,"#, #""delta":{},"finish_reason":"stop"}]}"#],
        [#"{"choices":[{"index":0,"delta":{},"#, #""finish\u005freason":"length"}]}"#],
        [#"{"choices":[],"#, #""usage":{"prompt_tokens":7,"completion_tokens":3}}"#],
        [#"{"choices":[{"index":0,"delta":{"content":"\#(long)"}}],"#, #""a":1}"#],
        [#"{"not":"#, #"whole"#], [#"{}"#, #"{}"#], ["[DONE]"], ["[DONE]"],
    ]

    private struct Random {
        var state: UInt64
        mutating func below(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        mutating func of<Element>(_ choices: [Element]) -> Element { choices[below(choices.count)] }
    }

    /// A stream whose events have comments, other fields, and any line ends.
    private static func stream(_ random: inout Random) -> String {
        let ends = random.of([["\n"], ["\r\n"], ["\r"], ["\n", "\r\n"], ["\n", "\n", "\r\n", "\r"]])
        var text = random.below(4) == 0 ? "\u{FEFF}" : ""
        func line(_ content: String, _ random: inout Random) {
            let end = random.of(ends)
            // An LF after a CR would belong to the same line end, and the blank line would be missing.
            text += content + (content.isEmpty && text.utf8.last == UInt8(ascii: "\r") && end == "\n" ? "\r\n" : end)
        }
        let others = [": comment", ":", "id: 1", "retry: 100", "event: message", "event:message", "datum: x", "id"]
        for _ in 0..<1 + random.below(6) {
            if random.below(5) == 0 { line(random.of(others), &random) }
            let pieces = random.of(events)
            let colon = random.of(["data: ", "data:"])
            if random.below(3) == 0 {
                for piece in pieces { line(colon + piece, &random) }
            } else {
                line(colon + pieces.joined(), &random)
            }
            if random.below(5) == 0 { line(random.of(others), &random) }
            for _ in 0...random.below(5) / 4 { line("", &random) }
        }
        // If the body ends properly, the edge also accepts a last event without a blank line, which the standard
        // drops. So every stream here ends with one.
        return text + "\n\n"
    }

    /// A streamed chat whose client asks for the usage event itself, so that the edge relays every event.
    private static let request = #"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#

    private static func what(_ attempt: PlayedAttempt) -> String {
        let meter = attempt.attempt.meter
        return "\(attempt.end) \(meter.tokens) \(meter.finishReason ?? "-") \(meter.counts)"
    }

    @Test(arguments: 0..<20) func anEventIsWhatTheStandardSays(seed: Int) throws {
        var random = Random(state: UInt64(seed))
        let first = try PlayedAttempt(body: Self.request)
        for round in 0..<25 {
            let wild = Array(Self.stream(&random).utf8)
            let data = Self.dataOfEvents(wild)
            // The same events on one `data` line each: the content must not depend on the form.
            let plain = data.map { "data: " + $0.split(separator: "\n").joined() + "\n\n" }.joined()
            let expected = try PlayedAttempt(body: Self.request, in: first.environment)
            expected.answers(plain)
            let played = try PlayedAttempt(body: Self.request, in: first.environment)
            played.played.answer(type: "text/event-stream", body: .chunked)
            var rest = wild[...]
            while !rest.isEmpty {
                let size = random.of([1, 2, 7, 100, 30_000])
                played.played.say(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            played.played.end()
            let shown = String(decoding: wild, as: UTF8.self).replacing(Self.long, with: "<long>").debugDescription
            #expect(Self.what(played) == Self.what(expected), "seed \(seed), round \(round): \(shown)")
            let relayed = Self.dataOfEvents(played.relayed)
            #expect(relayed == Array(data.prefix(relayed.count)), "seed \(seed), round \(round)")
            let isAll = relayed.count == data.count || relayed.last == "[DONE]"
            if played.end == "whole" { #expect(isAll, "seed \(seed), round \(round): \(shown)") }
        }
    }

    // MARK: Streams that are cut

    struct Cut: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var dialect: Dialect
        var choices = 1
        var stream: String
    }

    private static let cuts = [
        Cut(
            testDescription: "chat",
            dialect: .openAIChat,
            stream: #"""
                : a comment

                data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Né"},"finish_reason":null}]}

                data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","type":"function",\#
                "function":{"name":"f","arguments":"{\"a\":[1,\"]}\"]}"}}]},"finish_reason":null}]}

                data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}

                data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}

                data: [DONE]


                """#
        ),
        Cut(
            testDescription: "two choices",
            dialect: .completions,
            choices: 2,
            stream: #"""
                data: {"choices":[{"index":1,"text":"b","finish_reason":null}]}

                data: {"choices":[{"index":0,"text":"data: [DONE]","finish_reason":"length"}]}

                data: {"choices":[{"index":1,"text":"","finish_reason":"stop"}]}

                data: [DONE]


                """#
        ),
        Cut(
            testDescription: "messages",
            dialect: .messages,
            stream: #"""
                event: message_start
                data: {"type":"message_start","message":{"stop_reason":null,"usage":{"input_tokens":9}}}

                event: content_block_delta
                data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"message_stop"}}

                event: message_delta
                data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}

                event: message_stop
                data: {"type":"message_stop"}


                """#
        ),
        Cut(
            testDescription: "responses",
            dialect: .responses,
            stream: #"""
                event: response.created
                data: {"type":"response.created","response":{"status":"in_progress"}}

                event: response.output_text.delta
                data: {"type":"response.output_text.delta","delta":"response.completed"}

                event: response.completed
                data: {"type":"response.completed","response":{"status":"completed","usage":{"input_tokens":3}}}


                """#
        ),
    ]

    /// Whether these events form a complete response; `isInOrder` tells whether the body ended properly, not by a
    /// broken connection.
    private static func isWhole(_ events: [String], _ cut: Cut, isInOrder: Bool) -> Bool {
        var finished: Set<Int> = []
        for event in events {
            guard let json = try? JSONSerialization.jsonObject(with: Data(event.utf8)) as? [String: Any] else {
                continue
            }
            if let type = json["type"] as? String, ["message_stop", "response.completed"].contains(type) {
                return true
            }
            for case let choice as [String: Any] in json["choices"] as? [Any] ?? [] {
                if choice["finish_reason"] is String, let index = choice["index"] as? Int { finished.insert(index) }
            }
        }
        let isChat = cut.dialect == .openAIChat || cut.dialect == .completions
        return isChat && finished.count == cut.choices && (isInOrder || events.contains("[DONE]"))
    }

    private static func isDocument(_ text: String) -> Bool {
        text == "[DONE]" || (try? JSONSerialization.jsonObject(with: Data(text.utf8))) != nil
    }

    @Test(arguments: cuts) func aStreamIsWholeWhereItsEventsSaySo(_ cut: Cut) throws {
        let bytes = Array(cut.stream.utf8)
        let first = try PlayedAttempt(cut.dialect, choices: cut.choices, body: Self.request)
        for count in 0...bytes.count {
            let begin = Array(bytes[..<count])
            let whole = Self.dataOfEvents(begin)
            // If the executor ends the body properly, the last event may lack its blank line, but its data must be
            // complete JSON. If the connection breaks, the blank line must have arrived.
            let completed = Self.dataOfEvents(begin + [10, 10])
            let isBetween = begin.isEmpty || begin.suffix(2) == [10, 10]
            let isEnded =
                isBetween || completed.last.map { Self.isDocument($0) && completed.count > whole.count } == true
            for (isInOrder, events) in [(true, completed), (false, whole)] {
                let played = try PlayedAttempt(
                    cut.dialect,
                    choices: cut.choices,
                    body: Self.request,
                    in: first.environment
                )
                played.played.answer(type: "text/event-stream", body: .chunked)
                if count > 0 { played.played.say(begin) }
                if isInOrder { played.played.end() } else { played.played.fail() }
                let isWhole = Self.isWhole(events, cut, isInOrder: isInOrder) && (isEnded || !isInOrder)
                #expect(played.isComplete == isWhole, "cut after \(count) bytes, in order \(isInOrder): \(played.end)")
            }
        }
    }

    // MARK: Documents that are cut

    /// Responses of all dialects: with tool calls, with text after the finish reason, an array, a scalar.
    private static let documents: [(dialect: Dialect, json: String)] = [
        (
            .openAIChat,
            #"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"t","#
                + #""type":"function","function":{"name":"f","arguments":"{\"a\":[{}],\"b\":\"\\\"}]\"}"}}]},"#
                + #""logprobs":null,"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#
        ),
        (
            .messages,
            #"{"type":"message","stop_reason":"end_turn","content":[{"type":"text","text":"é \ud83d\ude00"}]}"#
        ),
        (.responses, #"{"object":"response","status":"completed","output":[{"type":"message","content":[]}]}"# + "\n"),
        (.embeddings, #"{"data":[{"index":0,"embedding":[1.5,-2e-3,0]}],"usage":{"prompt_tokens":1}}"#),
        (.rerank, #"[{"index":0,"score":0.25},{"index":1,"score":1E2}]"#), (.rerank, " -15.25e-2 "),
        (.other, #"{"tokens":[1,2,3],"ok":true,"next":null}"#),
    ]

    /// If a body ends only because the connection closes, the edge takes it for complete if its JSON is complete.
    ///
    /// Here Foundation's JSON parser decides which beginnings are complete.
    @Test(arguments: 0..<7) func aDocumentThatTheFramingDoesNotEndIsWholeWhereItsJSONIs(index: Int) throws {
        let (dialect, json) = Self.documents[index]
        let request = #"{"model":"m"}"#
        let first = try PlayedAttempt(dialect, body: request)
        let bytes = Array(json.utf8)
        for count in 0...bytes.count {
            let begin = Array(bytes[..<count])
            let isWhole = (try? JSONSerialization.jsonObject(with: Data(begin), options: .fragmentsAllowed)) != nil
            let played = try PlayedAttempt(dialect, body: request, in: first.environment)
            played.played.answer(type: "application/json", body: .untilClose)
            if count > 0 { played.played.say(begin) }
            played.played.end()
            #expect(played.isComplete == isWhole, "cut after \(count) bytes: \(played.end)")
            if !isWhole { #expect(played.relayed.isEmpty, "cut after \(count) bytes") }
        }
    }
}
