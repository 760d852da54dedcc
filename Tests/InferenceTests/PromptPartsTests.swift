// Where the scan of a body finds the members that make up the prompt.

import Inference
import Testing

@Suite struct PromptPartsTests {
    private let scanner = JSONScanner()

    /// The texts of `tools`, `system` and `messages` in that order; an absent one is empty.
    private func parts(_ body: String, _ dialect: Dialect = .openAIChat) throws -> [String] {
        let prompt = try scanner.scanRequest(RequestBody(body), dialect: dialect).prompt
        let bytes = Array(body.utf8)
        let texts = [prompt.tools, prompt.system, prompt.messages].map { text(bytes[$0]) }
        #expect(prompt.count == texts.reduce(0) { $0 + $1.utf8.count })
        return texts
    }

    private static let all =
        #"{"tools":[1],"model":"m","system":[2],"instructions":"3","messages":[4],"prompt":"5","input":[6]}"#

    @Test(arguments: [
        (Dialect.openAIChat, ["[1]", "", "[4]"]), (.completions, ["", "", #""5""#]),
        (.messages, ["[1]", "[2]", "[4]"]),
        (.countTokens, ["[1]", "[2]", "[4]"]), (.responses, ["[1]", #""3""#, "[6]"]), (.embeddings, ["", "", ""]),
        (.tokenize, ["", "", ""]), (.rerank, ["", "", ""]), (.other, ["", "", ""]),
    ]) func whichMembersAreThePromptIsTheDialects(dialect: Dialect, expected: [String]) throws {
        #expect(try parts(Self.all, dialect) == expected)
    }

    @Test(arguments: [
        "[]", "{}", "null", "7", "-1.5e3", "true", #""""#, #""a\"],b\\""#, "[ ]", "[ 1 , 2 ]", #"[{"a":"}"},["]"]]"#,
        #"{"messages":[{"messages":1}]}"#, "\"é\u{1F600}\"", #"[{"role":"user","content":"hi, \"you\" "} ]"#,
    ]) func aValueIsFoundAsWritten(value: String) throws {
        for space in ["", " ", "\n\t\r ", String(repeating: " ", count: 200)] {
            let member = "\(space)\"messages\"\(space):\(space)\(value)\(space)"
            let model = "\(space)\"model\"\(space):\(space)\"m\"\(space)"
            let other = "\(space)\"tools\"\(space):\(space)[\"t\"]\(space)"
            #expect(try parts("\(space){\(member),\(model)}\(space)") == ["", "", value])
            #expect(try parts("{\(model),\(member)}\(space)") == ["", "", value])
            #expect(try parts("{\(model),\(other),\(member)}") == [#"["t"]"#, "", value])
            #expect(try parts("{\(member),\(other),\(model)}") == [#"["t"]"#, "", value])
        }
    }

    @Test func aKeyMayBeEscaped() throws {
        #expect(try parts(#"{"m\u0065ssages":[1],"model":"m"}"#) == ["", "", "[1]"])
        #expect(try parts(#"{"model":"m","\u0074ools":[1],"messages":[2]}"#) == ["[1]", "", "[2]"])
    }

    @Test(arguments: [
        (#""messages":[1],"messages":[1]"#, Dialect.openAIChat), (#""messages":[1],"m\u0065ssages":[2]"#, .openAIChat),
        (#""messages":[1],"Messages":[2]"#, .openAIChat), (#""Messages":[2]"#, .openAIChat),
        (#""messages":[1],"tools":[2],"TOOLS":[3]"#, .openAIChat),
        (#""tools":[2],"messages":[1],"tools":[]"#, .messages),
        (#""messages":[1],"system":"a","system":"b""#, .messages), (#""messages":[1],"\u017fystem":"a""#, .countTokens),
        (#""input":[1],"input":[2]"#, .responses), (#""input":[1],"instructions":"a","Instructions":"b""#, .responses),
        (#""messages\u0000":[1],"messages":[2]"#, .messages),
    ]) func anAmbiguousPromptIsNone(members: String, dialect: Dialect) throws {
        #expect(try parts(#"{"model":"m",\#(members)}"#, dialect) == ["", "", ""])
        #expect(try parts(#"{\#(members),"model":"m"}"#, dialect) == ["", "", ""])
    }

    @Test func whatIsAmbiguousInAnotherDialectDoesNotMatter() throws {
        let body = #"{"model":"m","system":"a","System":"b","input":1,"input":2,"messages":[3]}"#
        #expect(try parts(body) == ["", "", "[3]"])
        #expect(
            try parts(#"{"model":"m","messages":[1],"tools":[2],"messages":[3],"prompt":"p"}"#, .completions)
                == ["", "", #""p""#]
        )
    }

    /// The scan finds the billing header even if keys other than its own occur twice in the body.
    @Test func theBillingHeaderNeedsOnlyItsOwnMember() throws {
        let header = "x-anthropic-billing-header: cch=1;"
        func billing(_ members: String, _ dialect: Dialect) throws -> String? {
            let body = #"{"model":"m",\#(members)}"#
            let range = try scanner.scanRequest(RequestBody(body), dialect: dialect).billing
            return range.map { text(Array(body.utf8)[$0]) }
        }
        #expect(try billing(#""system":"\#(header)","messages":[],"messages":[]"#, .messages) == header)
        #expect(try billing(#""system":"\#(header)","tools":[],"tools":[]"#, .countTokens) == header)
        #expect(try billing(#""system":"\#(header)","System":"b""#, .messages) == nil)
        let chat = #"[{"role":"system","content":"\#(header)"}]"#
        #expect(try billing(#""messages":\#(chat),"Tools":[]"#, .openAIChat) == header)
        #expect(try billing(#""messages":\#(chat)"#, .messages) == nil)
        #expect(try billing(#""system":"\#(header)""#, .openAIChat) == nil)
        #expect(try billing(#""instructions":"\#(header)","input":\#(chat)"#, .responses) == nil)
    }
}
