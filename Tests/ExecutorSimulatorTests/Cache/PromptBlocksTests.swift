// The simulated executor cuts the prompt of a request into the blocks of its prefix cache, for each API.
import Inference
import Testing

@testable import ExecutorSimulator

@Suite struct PromptBlocksTests {
    private func blocks(_ endpoint: ModelEndpoint, _ body: String, model: String = "demo") throws -> PromptBlocks {
        let value = try #require(JSONValue(parsing: Array(body.utf8)))
        let words = try Prompt(endpoint, value).tokens
        return PromptBlocks(endpoint, model: model, body: value, words: words, blockSize: 2)
    }
    /// The number of blocks that two prompts have in common at their beginning.
    private func common(_ one: PromptBlocks, _ other: PromptBlocks) throws -> Int {
        let one = try #require(one.chains.first).hashes
        let other = try #require(other.chains.first).hashes
        return zip(one, other).prefix { $0 == $1 }.count
    }

    @Test(arguments: [
        (ModelEndpoint.chat, #"{"messages":[{"role":"user","content":"one two"},{"role":"user","content":"x"}]}"#),
        (.chat, #"{"messages":[{"content":"a"},{"content":"b"},{"role":"user"}]}"#),
        (.chat, #"{"messages":[{"role":"user","content":[{"type":"text","text":"hello "},{"text":"there"}]}]}"#),
        (.messages, #"{"system":[{"type":"text","text":"be good"}],"messages":[{"role":"user","content":"x y"}]}"#),
        (.messages, #"{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"it is"}]}"#),
        (.responses, #"{"instructions":"be good","input":"hello there"}"#),
        (.responses, #"{"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"x"}]}]}"#),
        (.completions, #"{"prompt":["one two","three",""]}"#), (.completions, #"{"prompt":[[1,2,3],[4]]}"#),
        (.completions, #"{"prompt":""}"#), (.embeddings, #"{"input":["a b","c"]}"#),
        (.rerank, #"{"query":"which one","documents":["a","b"]}"#),
    ])
    func textHasTheTokensThatItHasWithoutACache(endpoint: ModelEndpoint, body: String) throws {
        let words = try Prompt(endpoint, #require(JSONValue(parsing: Array(body.utf8)))).tokens
        #expect(try blocks(endpoint, body).tokens == words)
    }

    @Test func aTextAndItsPartsAreTheSamePrompt() throws {
        let text = try blocks(.chat, #"{"messages":[{"role":"user","content":"one two three four"}]}"#)
        let parts = try blocks(
            .chat,
            #"{"messages":[{"role":"user","content":[{"type":"text","text":"one two "},{"text":"three four"}]}]}"#
        )
        #expect(text.chains == parts.chains && text.chains[0].hashes.count == 2)
    }

    @Test func aConversationGoesOnWithItsBlocks() throws {
        let turns = #"{"role":"system","content":"a b c d"},{"role":"user","content":"e f g h"}"#
        let first = try blocks(.chat, #"{"messages":[\#(turns)]}"#)
        let more = #"{"role":"assistant","content":"i j"},{"role":"user","content":"k l"}"#
        let second = try blocks(.chat, #"{"messages":[\#(turns),\#(more)]}"#)
        #expect(try common(first, second) == 4 && second.chains[0].hashes.count == 6)
    }

    @Test func modelAndToolsAndSystemComeBeforeMessages() throws {
        let messages = #""messages":[{"role":"user","content":"a b c d"}]"#
        let plain = try blocks(.messages, "{\(messages)}")
        #expect(try common(plain, blocks(.messages, "{\(messages)}")) == 2)
        #expect(try common(plain, blocks(.messages, "{\(messages)}", model: "other")) == 0)
        #expect(try common(plain, blocks(.messages, #"{\#(messages),"system":"be good"}"#)) == 0)
        #expect(try common(plain, blocks(.messages, #"{\#(messages),"cache_salt":"x"}"#)) == 0)
        #expect(try common(plain, blocks(.messages, #"{\#(messages),"temperature":1,"stream":true}"#)) == 2)
        let tools = #""tools":[{"name":"find","description":"finds"}]"#
        let one = try blocks(.messages, #"{\#(messages),"system":"x y",\#(tools)}"#)
        let other = try blocks(.messages, #"{\#(messages),"system":"x z",\#(tools)}"#)
        // [{"name":"find","description":"finds",},] has 41 bytes, so 11 tokens at four bytes a token. The thirteenth
        // token is the first one that differs.
        #expect(one.tokens == 11 + 2 + 4)
        #expect(try common(one, other) == 6)
    }

    @Test func cacheControlIsNotPartOfThePrompt() throws {
        func body(_ mark: String) -> String {
            #"""
            {"tools":[{"name":"find"\#(mark)}],"system":[{"type":"text","text":"a b"\#(mark)}],
            "messages":[{"role":"user","content":[{"type":"tool_use","input":{"x":1},"name":"find"\#(mark)}]}]}
            """#
        }
        let marked = try blocks(.messages, body(#","cache_control":{"type":"ephemeral"}"#))
        #expect(marked.chains == (try blocks(.messages, body(""))).chains)
        #expect(marked.tokens > 4)
    }

    @Test func callsOfToolsAndTheirResultsCount() throws {
        func body(_ city: String) -> String {
            #"""
            {"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"1","function":{"name":"weather",
            "arguments":"{\"city\":\"\#(city)\"}"}}]},{"role":"tool","tool_call_id":"1","content":"cold and wet"}]}
            """#
        }
        let one = try blocks(.chat, body("Bern"))
        let other = try blocks(.chat, body("Rome"))
        #expect(one.tokens == other.tokens && one.tokens > 15)
        let shared = try common(one, other)
        #expect(shared > 0 && shared < one.chains[0].hashes.count)
        let results = try blocks(
            .messages,
            #"{"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"text","text":"a b"}]}]}]}"#
        )
        // The JSON around the text, {"type":"tool_result",}, has 23 bytes. At four bytes a token, that is 6 tokens.
        #expect(results.tokens == 6 + 2)
    }

    @Test func anImageHasTheSameTokensWhateverItsSize() throws {
        func body(_ data: String) -> String {
            #"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"\#(data)"}},"see it"]}]}"#
        }
        let small = try blocks(.chat, body("data:x"))
        let large = try blocks(.chat, body(String(repeating: "x", count: 100_000)))
        #expect(small.tokens == 258 && large.tokens == 258)
        #expect(try common(small, large) == 0)
    }

    @Test func eachPromptOfACompletionHasItsOwnBlocks() throws {
        let several = try blocks(.completions, #"{"prompt":["a b c","a b d",[1,2]]}"#)
        #expect(several.chains.count == 3 && several.tokens == 8)
        #expect(several.chains[0] == several.chains[1] && several.chains[0] != several.chains[2])
        #expect(try blocks(.embeddings, #"{"input":["a b c"]}"#).chains.isEmpty)
    }
}
