// Tests how the edge classifies error responses that were recorded on 2026-11-27, byte for byte, from vLLM 0.32.0 and
// LiteLLM's proxy 1.108.7.

import Foundation
import Testing

@testable import Inference

@Suite struct EngineErrorCaptureTests {
    private func error(_ name: String, status: Int?) throws -> EngineError {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Captures")
        let bytes = [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
        return EngineError(status: status, body: bytes.span)
    }

    @Test(arguments: [
        ("vllm-chat-badfield.json", 400, 400, "body.messages"),
        ("vllm-chat-stream-toolong.json", 400, 400, "maximum context length is 65536 tokens"),
        ("vllm-chat-stream-image.json", 400, 400, "is not a multimodal model"),
        ("vllm-messages-stream-bad.json", 400, 400, "max_tokens must be positive"),
        ("vllm-responses-previous.json", 404, 404, "Response with id 'resp_nope' not found."),
        ("lite-chat-stream-toolong.json", 400, 400, "maximum context length is 65536 tokens"),
        ("lite-chat-badjson.json", 400, 400, "Invalid JSON payload"),
        ("lite-responses-previous.json", 404, 404, "Response with id 'resp_nope' not found."),
        // vLLM answers a messages request by a chat completion. The text of this event quotes the error of the chat
        // completion, whose code is 400, so it counts as a client error.
        ("first-event-error.sse", 200, 400, "validation errors for ChatCompletionStreamResponse"),
    ]) func clientsMistakesAreToldWithTheirText(name: String, status: Int, told: Int, text: String) throws {
        for dialect in Dialect.allCases {
            let failure = try error(name, status: status == 200 ? nil : status).classified(in: dialect)
            #expect(failure.status == told && failure.side == .client)
            #expect(failure.retry == .never && failure.charge == .none)
            #expect(failure.message.contains(text) && !failure.message.contains("://"))
        }
    }

    @Test(arguments: [
        ("vllm-rerank.json", 404, 404, Failure.Retry.otherKind), ("vllm-chat-get.json", 405, 404, .otherKind),
        ("vllm-lora.json", 404, 502, .elsewhere), ("lite-messages-unknownmodel.json", 400, 502, .elsewhere),
        ("lite-completions-stream-ids.json", 500, 500, .once), ("lite-rerank.json", 429, 429, .withinBudget),
    ]) func othersAreNot(name: String, status: Int, told: Int, retry: Failure.Retry) throws {
        let failure = try error(name, status: status).classified(in: .openAIChat)
        #expect(failure.status == told && failure.retry == retry)
    }

    @Test func aGatewaySaysInItsTextWhenToComeBack() throws {
        #expect(try error("lite-rerank.json", status: 429).retryAfterMs == 5_000)
    }
}
