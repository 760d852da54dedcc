import Foundation
import Inference
import Testing

@testable import Edge

/// Recorded streams of real engines (Captures/README.md) are recognised as complete, broken or failed.
///
/// Each stream is tried complete, and cut at each of its events.
@Suite struct CaptureTests {
    enum Verdict: Sendable {
        /// The stream is complete.
        ///
        /// The numbers say how many of its last events may be missing if the HTTP body ends cleanly (`inOrder`), and
        /// if the connection ends in any way (`anyhow`).
        case whole(inOrder: Int, anyhow: Int)
        /// The stream itself reports that it is incomplete.
        case broken
        /// The stream contains an error of the engine.
        case error
        /// The first event is an error, so nothing is relayed.
        case failed
    }

    struct Capture: Sendable, CustomTestStringConvertible {
        var name: String
        var dialect: Dialect
        var choices: Int
        var verdict: Verdict
        var testDescription: String { name }

        init(_ name: String, _ dialect: Dialect, _ choices: Int, _ verdict: Verdict) {
            self.name = name
            self.dialect = dialect
            self.choices = choices
            self.verdict = verdict
        }
    }

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Captures")
    /// What may be missing at the end of a stream that still counts as complete.
    ///
    /// With `beforeDone` it is `[DONE]`, and with `beforeUsage` also the usage event before `[DONE]`.
    private static let beforeDone = Verdict.whole(inOrder: 1, anyhow: 0)
    private static let beforeUsage = Verdict.whole(inOrder: 2, anyhow: 0)
    private static let toTheEnd = Verdict.whole(inOrder: 0, anyhow: 0)

    static let captures = [
        Capture("corekill-chat", .openAIChat, 1, .error),
        Capture("corekill-messages", .messages, 1, .error),
        Capture("first-event-error", .messages, 1, .failed),
        // One of the two choices never has a finish reason.
        Capture("lite/chat-stream-n2", .openAIChat, 2, toTheEnd),
        Capture("lite/chat-stream-tools-named", .openAIChat, 1, beforeDone),
        Capture("lite/chat-stream-usage", .openAIChat, 1, beforeUsage),
        Capture("lite/chat-stream", .openAIChat, 1, beforeDone),
        Capture("lite/messages-stream-tools", .messages, 1, toTheEnd),
        Capture("lite/messages-stream", .messages, 1, toTheEnd),
        // The stream ends with `[DONE]`, which is not part of its dialect.
        Capture("lite/responses-stream", .responses, 1, .whole(inOrder: 1, anyhow: 1)),
        Capture("litellm-usage", .openAIChat, 1, beforeUsage),
        Capture("messages-cached", .messages, 1, toTheEnd),
        Capture("sigterm-chat", .openAIChat, 1, .broken),
        Capture("sigterm-messages", .messages, 1, .broken),
        // SIGTERM stopped the engine, but the stream has the event `response.completed`, as if it were complete.
        Capture("sigterm-responses", .responses, 1, toTheEnd),
        Capture("vllm-usage", .openAIChat, 1, beforeUsage),
        Capture("vllm/chat-stream-continuous-false", .openAIChat, 1, beforeDone),
        Capture("vllm/chat-stream-continuous-only", .openAIChat, 1, beforeDone),
        Capture("vllm/chat-stream-continuous", .openAIChat, 1, beforeUsage),
        Capture("vllm/chat-stream-logprobs", .openAIChat, 1, beforeDone),
        Capture("vllm/chat-stream-n2", .openAIChat, 2, beforeDone),
        Capture("vllm/chat-stream-nousage", .openAIChat, 1, beforeDone),
        Capture("vllm/chat-stream-schema", .openAIChat, 1, beforeDone),
        Capture("vllm/chat-stream-tokenids", .openAIChat, 1, beforeDone),
        Capture("vllm/chat-stream-tools-named", .openAIChat, 1, beforeDone),
        Capture("vllm/chat-stream-tools-required", .openAIChat, 1, beforeDone),
        Capture("vllm/chat-stream-usage", .openAIChat, 1, beforeUsage),
        Capture("vllm/chat-stream", .openAIChat, 1, beforeDone),
        Capture("vllm/completions-stream-echo", .completions, 1, beforeDone),
        Capture("vllm/completions-stream-ids", .completions, 1, beforeDone),
        Capture("vllm/completions-stream-n3", .completions, 3, beforeDone),
        Capture("vllm/completions-stream-two", .completions, 2, beforeDone),
        Capture("vllm/messages-stream-tools", .messages, 1, toTheEnd),
        Capture("vllm/messages-stream", .messages, 1, toTheEnd),
        Capture("vllm/responses-stream-tools", .responses, 1, toTheEnd),
        Capture("vllm/responses-stream", .responses, 1, toTheEnd),
    ]

    /// The client requests the usage itself, so that every byte is relayed.
    private static let request = #"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#

    private static func events(of capture: Capture) throws -> [String] {
        let text = try String(contentsOf: folder.appending(path: capture.name + ".sse"), encoding: .utf8)
        return text.components(separatedBy: "\n\n").dropLast().map { $0 + "\n\n" }
    }

    @Test func eachStreamHasItsLine() throws {
        let files = try #require(FileManager.default.enumerator(atPath: Self.folder.path))
        let names = files.compactMap { $0 as? String }.filter { $0.hasSuffix(".sse") }.map { String($0.dropLast(4)) }
        #expect(names.sorted() == Self.captures.map(\.name).sorted())
    }

    @Test(arguments: captures) func isToldForWhatItIsWhole(_ capture: Capture) throws {
        let events = try Self.events(of: capture)
        let replay = try PlayedAttempt(capture.dialect, choices: capture.choices, body: Self.request)
        replay.answers(events.joined())
        switch capture.verdict {
        case .whole(_, let anyhow):
            #expect(replay.isComplete && replay.relayed == events.dropLast(anyhow).joined())
        case .broken:
            #expect(replay.end == "broke executor_broke_off")
            #expect(!replay.relayed.contains("abort") && !replay.relayed.contains("message_stop"))
        case .error:
            #expect(replay.end == "broke executor_error" && replay.attempt.meter.sawError)
            #expect(!replay.relayed.isEmpty && !replay.relayed.contains("error"), "the client gets an event of ours")
        case .failed: #expect(replay.end == "failed executor_error" && replay.relayed.isEmpty)
        }
    }

    /// A cut stream counts as complete only if all required events have arrived.
    @Test(arguments: captures) func isToldForWhatItIsWhenCut(_ capture: Capture) throws {
        let events = try Self.events(of: capture)
        let first = try PlayedAttempt(capture.dialect, choices: capture.choices, body: Self.request)
        let environment = first.environment
        func replay(_ text: String, inOrder: Bool) throws -> PlayedAttempt {
            let replay = try PlayedAttempt(
                capture.dialect,
                choices: capture.choices,
                body: Self.request,
                in: environment
            )
            replay.answers(text, closesInOrder: inOrder)
            return replay
        }
        var inOrder = -1
        var anyhow = -1
        if case .whole(let most, let least) = capture.verdict { (inOrder, anyhow) = (most, least) }
        var text = ""
        for (index, event) in events.enumerated() {
            let missing = events.count - index
            let isEnded = missing <= anyhow
            // The stream is cut before the event, in the middle of the event, or before its last byte, a line end.
            let cuts: [(text: String, inOrder: Bool, isComplete: Bool)] = [
                (text, true, missing <= inOrder), (text, false, isEnded),
                (text + String(event.prefix(event.count / 2)), true, isEnded),
                (text + String(event.prefix(event.count / 2)), false, isEnded),
                (String((text + event).dropLast()), true, isEnded || missing - 1 <= inOrder),
                (String((text + event).dropLast()), false, isEnded),
            ]
            for cut in cuts {
                let replay = try replay(cut.text, inOrder: cut.inOrder)
                let saysError = replay.attempt.meter.sawError
                #expect(
                    saysError || replay.isComplete == cut.isComplete,
                    "\(capture.name), event \(index), \(cut.text.count) bytes, in order \(cut.inOrder): \(replay.end)"
                )
                if case .whole = capture.verdict { #expect(!saysError) }
                if index == 0 || capture.verdictIsFailed { #expect(replay.relayed.isEmpty || cut.isComplete) }
            }
            text += event
        }
    }
}

extension CaptureTests.Capture {
    fileprivate var verdictIsFailed: Bool {
        if case .failed = verdict { return true }
        return false
    }
}
