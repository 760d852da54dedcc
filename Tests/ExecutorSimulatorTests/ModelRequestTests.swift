// Tests what the simulated executor reads from a request's body.
import Inference
import Testing

@testable import ExecutorSimulator

@Suite struct ModelRequestTests {
    private func read(
        _ body: String,
        _ endpoint: ModelEndpoint = .chat,
        faults: Faults = Faults()
    ) throws -> ModelRequest {
        try ModelRequest(endpoint, body: Array(body.utf8), options: ExecutorSimulatorOptions(), serverFaults: faults)
    }
    private func chat(_ more: String = "", content: String = "\"hello there\"") -> String {
        #"{"model":"demo","messages":[{"role":"user","content":\#(content)}]\#(more)}"#
    }

    @Test func promptAndSeedMakeTheKey() throws {
        let key = try read(chat()).keys
        #expect(try read(chat()).keys == key)
        #expect(try read(chat(#","seed":0,"max_tokens":9"#)).keys == key)
        #expect(try read(chat(#","seed":1"#)).keys != key)
        #expect(try read(chat(content: "\"hello\"")).keys != key)
        #expect(try read(chat(content: #"[{"type":"text","text":"hello there"}]"#)).keys == key)
        #expect(Set(try read(chat(#","n":4"#)).keys).count == 4)
    }

    @Test func lengthComesFromTheLimitOrTheServer() throws {
        #expect(try read(chat()).count == 64)
        #expect(try read(chat()).endsByLength == false)
        #expect(try read(chat(#","max_tokens":5"#)).count == 5)
        #expect(try read(chat(#","max_completion_tokens":6"#)).endsByLength)
        let short = try read(chat(#","max_tokens":50,"simulator":{"tokens":7}"#))
        #expect(short.count == 7 && !short.endsByLength)
    }

    @Test func aContinuationKeepsTheKeyAndCountsWhatIsThere() throws {
        let body = #"""
            {"model":"demo","continue_final_message":true,"add_generation_prompt":false,"messages":[
            {"role":"user","content":"hello there"},{"role":"assistant","content":"one two three"}]}
            """#
        let request = try read(body)
        #expect(request.start == 3)
        #expect(request.count == 61)
        #expect(request.keys == (try read(chat())).keys)
        #expect(request.promptTokens == 5)
    }

    @Test func theSimulatorFieldChangesBehaviour() throws {
        let field = #","simulator":{"prefill_ms":1.5,"pace":20,"fault":["die_after:2","comments"],"head":"late"}"#
        let request = try read(chat(field), faults: try Faults("no_answer"))
        #expect(request.prefill == 1_500_000)
        #expect(request.pace == 20)
        #expect(request.faults.ending == .dieAfter(2))
        #expect(request.faults.hasComments)
        #expect(request.isHeadLate)
        #expect(try read(chat(), faults: try Faults("no_answer")).faults.ending == .noAnswer)
    }

    @Test(arguments: [
        ("{", 400), ("[]", 400), (#"{"model":"demo"}"#, 400), (#"{"model":"x","messages":[]}"#, 404),
        (#"{"model":"demo","messages":[{"role":"user","content":"a"}],"max_tokens":0}"#, 400),
        (#"{"model":"demo","messages":[{"role":"user","content":"a"}],"n":0}"#, 400),
        (#"{"model":"demo","messages":[{"role":"user","content":"a"}],"simulator":{"fault":"x"}}"#, 400),
    ])
    func refuses(_ body: String, _ status: Int) {
        let refusal = #expect(throws: Refusal.self) { try read(body) }
        #expect(refusal?.status == status)
    }

    @Test func completionsHaveAChoiceForEachPrompt() throws {
        #expect(try read(#"{"model":"demo","prompt":["a","b"],"n":2}"#, .completions).keys.count == 4)
        #expect(try read(#"{"model":"demo","prompt":[1,2,3]}"#, .completions).keys.count == 1)
        #expect(try read(#"{"model":"demo","input":[[1],[2]]}"#, .embeddings).keys.count == 2)
    }
}
