// Tests how the simulated executor finds the prompt in requests of each API, and computes its hashes and tokens.
import Inference
import Testing

@testable import ExecutorSimulator

@Suite struct PromptTests {
    private func prompt(_ endpoint: ModelEndpoint, _ body: String) throws -> Prompt {
        try Prompt(endpoint, JSONValue(parsing: Array(body.utf8))!)
    }

    @Test func aTextAndItsPartsAreTheSamePrompt() throws {
        let text = try prompt(.chat, #"{"messages":[{"role":"user","content":"hello there"}]}"#)
        let parts = try prompt(
            .chat,
            #"{"messages":[{"role":"user","content":[{"type":"text","text":"hello "},{"text":"there"}]}]}"#
        )
        #expect(text.keys == parts.keys && text.tokens == parts.tokens && text.keys.count == 1)
        let other = try prompt(.chat, #"{"messages":[{"role":"system","content":"hello there"}]}"#)
        #expect(other.keys != text.keys)
    }

    @Test(arguments: [
        (#""one""#, 1), (#"["one","two"]"#, 2), ("[1,2,3]", 1), ("[[1,2],[3]]", 2), (#"[{"text":"one"}]"#, 1),
    ])
    func completionsHaveOnePromptOrSeveral(input: String, count: Int) throws {
        let found = try prompt(.completions, #"{"prompt":\#(input)}"#)
        #expect(found.keys.count == count && found.tokens >= 1)
        #expect(try prompt(.embeddings, #"{"input":\#(input)}"#).keys == found.keys)
    }

    @Test func tokenIDsAreTokens() throws {
        #expect(try prompt(.completions, #"{"prompt":[1,2,3]}"#).tokens == 3)
        #expect(try prompt(.completions, #"{"prompt":[[1,2],[3]]}"#).tokens == 3)
        #expect(try prompt(.completions, #"{"prompt":""}"#).tokens == 1, "no prompt has none")
    }

    /// If the last message is the assistant's, Anthropic's API continues it.
    ///
    /// OpenAI's API does so only with `continue_final_message`.
    @Test func aTrailingMessageMayBeContinued() throws {
        let messages = #""messages":[{"role":"user","content":"hello"},{"role":"assistant","content":"good day"}]"#
        let whole = try prompt(.chat, "{\(messages)}")
        #expect(whole.start == 0)
        let continued = try prompt(.chat, #"{\#(messages),"continue_final_message":true}"#)
        #expect(continued.start > 0 && continued.keys != whole.keys)
        let message = try prompt(.messages, "{\(messages)}")
        #expect(message.start == continued.start && message.keys == continued.keys)
        #expect(message.keys == (try prompt(.messages, #"{"messages":[{"role":"user","content":"hello"}]}"#)).keys)
    }

    @Test(arguments: [
        (ModelEndpoint.chat, "{}"), (.chat, #"{"messages":[]}"#), (.messages, #"{"messages":1}"#), (.completions, "{}"),
        (.embeddings, #"{"input":null}"#), (.embeddings, #"{"input":[]}"#), (.rerank, #"{"query":"x"}"#),
        (.responses, #"{"instructions":"x"}"#),
        (
            .chat,
            #"{"messages":[{"role":"user"}],"continue_final_message":true,"add_generation_prompt":true}"#
        ),
    ])
    func aRequestWithoutAPromptIsRefused(endpoint: ModelEndpoint, body: String) throws {
        let refusal = #expect(throws: Refusal.self) { try prompt(endpoint, body) }
        #expect(refusal?.status == 400)
    }

    @Test func theQueryOfARankingCounts() throws {
        let without = try prompt(.rerank, #"{"documents":["a","b"]}"#)
        let with = try prompt(.rerank, #"{"documents":["a","b"],"query":"which one is it"}"#)
        #expect(without.keys == with.keys && without.keys.count == 2 && with.tokens > without.tokens)
    }
}
