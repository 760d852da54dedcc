import Testing

@testable import Routing

/// The kind of an engine (vLLM, SGLang, others): the configuration gives it, or else health probes find it.
@Suite struct EngineKindTests {
    @Test func theGivenKindBeatsTheFoundOne() {
        let engine = Engine(id: 1, name: "http://e")
        #expect(engine.kind == .unknown && !engine.modelsShareCapacity)
        engine.found(.sglang)
        #expect(engine.kind == .sglang && engine.givenKind == .unknown && engine.modelsShareCapacity)
        engine.update(runningMax: nil, kind: .openai)
        #expect(engine.kind == .openai && engine.foundKind == .sglang && !engine.modelsShareCapacity)
        engine.update(runningMax: nil)
        #expect(engine.kind == .sglang && engine.modelsShareCapacity)
        engine.found(.unknown)
        #expect(engine.kind == .unknown && !engine.modelsShareCapacity)
    }

    @Test func onlyEnginesWithPrefixCachesAreChosenByPrompt() {
        #expect(EngineKind.allCases.filter(\.cachesPrompts) == [.vllm, .sglang, .llamaCpp])
    }
}
