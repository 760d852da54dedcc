import Routing
import Testing

@testable import Edge

/// Which page the edge requests next from an engine, to learn the engine's kind, load and cache size.
@Suite struct EngineQuestionsTests {
    /// The paths that the edge asks for at time `now`, one after the other.
    ///
    /// Each response has `outcome`, or tells nothing about the engine by default.
    private func asked(
        _ questions: inout EngineQuestions,
        at now: UInt64,
        until outcome: EngineQuestions.Outcome? = nil
    ) -> [String] {
        var paths: [String] = []
        while let question = questions.next(givenKind: .unknown, kind: .unknown, at: now), paths.count < 100 {
            paths.append(question.path)
            _ = questions.answered(question.topic, outcome ?? .nothing, at: now)
        }
        return paths
    }

    @Test func pagesAreAskedInOrderAndThenRarely() {
        var questions = EngineQuestions()
        let all = ["/v1/models", "/metrics", "/"]
        #expect(asked(&questions, at: 5) == all)
        #expect(asked(&questions, at: 5 + EngineQuestions.rarely - 1).isEmpty)
        #expect(asked(&questions, at: 5 + EngineQuestions.rarely) == all)
    }

    @Test func anAnswerEndsTheQuestions() {
        for outcome in [EngineQuestions.Outcome.said, .final] {
            var questions = EngineQuestions()
            #expect(asked(&questions, at: 0, until: outcome) == ["/v1/models"])
            #expect(asked(&questions, at: 1).isEmpty)
            questions.engineWasLost()
            #expect(asked(&questions, at: 2, until: outcome) == ["/v1/models"])
        }
    }

    @Test func aGivenKindIsNotAsked() {
        for kind in EngineKind.allCases where kind != .unknown {
            var questions = EngineQuestions()
            #expect(questions.next(givenKind: kind, kind: kind, at: 0)?.topic != .kind)
        }
    }

    @Test func theLastPageWithoutAnAnswerIsSilence() {
        var questions = EngineQuestions()
        let silences = (0..<3).map { _ in questions.answered(.kind, .nothing, at: 0) }
        #expect(silences == [false, false, true])
        for (outcome, isSilent) in [(EngineQuestions.Outcome.final, true), (.said, false)] {
            var asked = EngineQuestions()
            let silence = asked.answered(.kind, outcome, at: 0)
            #expect(silence == isSilent)
        }
    }

    /// The paths that the edge requests from an engine of this kind at time `now`; each response has the given outcome.
    private func asked(
        _ questions: inout EngineQuestions,
        _ kind: EngineKind,
        at now: UInt64,
        _ outcome: (String) -> EngineQuestions.Outcome
    ) -> [String] {
        var paths: [String] = []
        while let question = questions.next(givenKind: kind, kind: kind, at: now), paths.count < 100 {
            paths.append(question.path)
            _ = questions.answered(question.topic, outcome(question.path), at: now)
        }
        return paths
    }

    /// After the first answers, only the page that shows the engine's load is requested again and again.
    ///
    /// The page that shows the size of its cache is requested once.
    @Test func theLoadIsAskedAgainAndAgain() {
        var questions = EngineQuestions()
        func llama(at now: UInt64) -> [String] {
            asked(&questions, .llamaCpp, at: now) { $0 == "/metrics" ? .nothing : .said }
        }
        #expect(llama(at: 0) == ["/metrics", "/slots", "/props"])
        #expect(llama(at: EngineQuestions.loadInterval - 1).isEmpty)
        for step in 1...5 { #expect(llama(at: UInt64(step) * EngineQuestions.loadInterval) == ["/slots"]) }
    }

    @Test func anEngineThatSaysNothingOfItsLoadIsAskedRarely() {
        var questions = EngineQuestions()
        func sglang(at now: UInt64) -> [String] { asked(&questions, .sglang, at: now) { _ in .nothing } }
        let all = ["/metrics", "/v1/loads", "/get_load", "/get_server_info", "/server_info"]
        #expect(sglang(at: 0) == all)
        #expect(sglang(at: EngineQuestions.rarely - 1).isEmpty && sglang(at: EngineQuestions.rarely) == all)
    }

    /// A request that gets no response in time (`.lost`) is repeated, but after three losses the edge gives up for a
    /// while.
    @Test func lostQuestionsAreRepeatedThreeTimes() {
        var questions = EngineQuestions()
        let step = EngineQuestions.loadInterval
        func vllm(_ time: UInt64, _ outcome: EngineQuestions.Outcome) -> [String] {
            asked(&questions, .vllm, at: time * step) { _ in outcome }
        }
        #expect(vllm(0, .lost) == ["/metrics"] && vllm(1, .lost) == ["/metrics"] && vllm(2, .said) == ["/metrics"])
        for time in 3...5 { #expect(vllm(UInt64(time), .lost) == ["/metrics"]) }
        #expect(vllm(6, .said).isEmpty && vllm(700, .said) == ["/metrics"])
    }

    @Test func anEngineOfAnotherKindIsAskedAnew() {
        var questions = EngineQuestions()
        #expect(asked(&questions, .vllm, at: 0) { _ in .nothing } == ["/metrics"])
        #expect(asked(&questions, .llamaCpp, at: 1) { _ in .said } == ["/metrics", "/props"])
        #expect(asked(&questions, .openai, at: 2) { _ in .said }.isEmpty)
    }

    @Test func aSizeThatTheLoadHasSaidIsNotAsked() {
        var questions = EngineQuestions()
        let first = questions.next(givenKind: .sglang, kind: .sglang, at: 0)
        #expect(first == .init(topic: .load, path: "/metrics"))
        _ = questions.answered(.load, .said, at: 0)
        questions.sizeIsKnown()
        #expect(questions.next(givenKind: .sglang, kind: .sglang, at: 0) == nil)
    }
}
