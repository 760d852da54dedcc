// Tests that the edge sends a request again without `include_usage` if the engine refuses this member.
import HTTP
import Inference
import Testing

@testable import Edge

@Suite struct AttemptResendingTests {
    private static let usage = #"data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5}}"# + "\n\n"
    private static let refusal =
        #"{"error":{"message":"Unrecognized request argument supplied: stream_options","param":"stream_options"}}"#

    @Test func anEngineThatRefusesToTellTheUsageIsAskedWithoutItFromThenOn() throws {
        let attempt = try PlayedAttempt()
        let asked = attempt.played
        #expect(asked.body.contains("stream_options"))
        asked.answer(400, type: "application/json")
        asked.say(Self.refusal)
        asked.end()
        #expect(attempt.environment.executors.count == 2 && attempt.owner.heard.last == "head none")
        #expect(attempt.played.body == chat())
        attempt.answers(Said.token + Self.usage + Said.finish + Said.done)
        #expect(attempt.end == "whole" && attempt.relayed == Said.token + Self.usage + Said.finish + Said.done)
        let next = try PlayedAttempt(in: attempt.environment)
        #expect(next.played.body == chat())
    }

    @Test func whatTheClientItselfAskedForIsRefusedToIt() throws {
        let attempt = try PlayedAttempt(body: #"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#)
        attempt.played.answer(400, type: "application/json")
        attempt.played.say(Self.refusal)
        attempt.played.end()
        #expect(attempt.environment.executors.count == 1 && attempt.end.hasPrefix("failed"))
        #expect(attempt.attempt.failure?.status == 400 && attempt.attempt.failure?.side == .client)
        let other = try PlayedAttempt()
        other.played.answer(400, type: "application/json")
        other.played.say(Self.refusal.replacing("stream_options", with: "max_tokens"))
        other.played.end()
        #expect(other.environment.executors.count == 1 && other.attempt.failure?.status == 400)
    }
}
