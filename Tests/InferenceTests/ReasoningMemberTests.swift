import Testing

@testable import Inference

/// The edge renames or repeats the member with the reasoning of chat answers, and leaves every other byte as it was.
@Suite struct ReasoningMemberTests {
    private func event(_ text: String, _ member: ReasoningMember) -> String? {
        member.rewritten(event: Array(text.utf8).span).map { String(decoding: $0, as: UTF8.self) }
    }
    private func delta(_ members: String) -> String {
        #"{"id":"c","choices":[{"index":0,"delta":{\#(members)},"logprobs":null,"finish_reason":null}],"usage":null}"#
    }

    @Test(
        arguments: [
            // First what the engine writes; then what the client gets if it wants `reasoning`, `reasoning_content` or
            // both. A nil means that the edge changes nothing.
            (
                #""reasoning":"a\"b\u00e9\n""#, nil, #""reasoning_content":"a\"b\u00e9\n""#,
                #""reasoning":"a\"b\u00e9\n","reasoning_content":"a\"b\u00e9\n""#
            ),
            (
                #""role":"assistant","reasoning_content" : "x" ,"content":null"#,
                #""role":"assistant","reasoning" : "x" ,"content":null"#,
                nil, #""role":"assistant","reasoning_content" : "x","reasoning":"x" ,"content":null"#
            ),
            (#""reasoning":"r","reasoning_content":"r""#, #""reasoning":"r""#, #""reasoning_content":"r""#, nil),
            (
                #""reasoning_content":"r","content":"c","reasoning":"r""#, #""content":"c","reasoning":"r""#,
                #""reasoning_content":"r","content":"c""#, nil
            ),
            // If one of the two members is null, and the other has a text, only the text counts.
            (#""reasoning":null,"reasoning_content":"r""#, #""reasoning":"r""#, #""reasoning_content":"r""#, nil),
            (#""reasoning":null"#, nil, #""reasoning_content":null"#, #""reasoning":null,"reasoning_content":null"#),
            (
                #""reasonin\u0067":"r""#, nil, #""reasoning_content":"r""#,
                #""reasonin\u0067":"r","reasoning_content":"r""#
            ),
            // These only resemble the member: it occurs in a text, in another object, or with a longer name.
            (#""content":"\"reasoning\":1""#, nil, nil, nil),
            (#""content":"x","tool":{"reasoning":"x"}"#, nil, nil, nil),
            (#""reasoning_details":[{"text":"x"}]"#, nil, nil, nil), ("", nil, nil, nil),
        ] as [(String, String?, String?, String?)]
    )
    func theMemberOfADelta(written: String, reasoning: String?, content: String?, both: String?) {
        for (member, expected) in [
            (ReasoningMember.reasoning, reasoning), (.reasoningContent, content), (.both, both), (.asIs, nil),
        ] {
            for (before, after) in [("data: ", "\n\n"), ("data:", "\r\n\r\n"), ("id: 4\ndata: ", "\n: x\n\n")] {
                let found = event(before + delta(written) + after, member)
                #expect(found == expected.map { before + delta($0) + after }, "\(member)")
            }
        }
    }

    @Test func eachChoiceHasItsOwn() {
        let text =
            #"{"choices":[{"delta":{"reasoning":"a"},"index":0},{"index":1,"delta":{"content":"b"}},"#
            + #"{"index":2,"delta":{"reasoning":"c"}}]}"#
        let expected = text.replacing(#""reasoning""#, with: #""reasoning_content""#)
        #expect(event("data: \(text)\n\n", .reasoningContent) == "data: \(expected)\n\n")
    }

    @Test func dataInSeveralLinesIsJoined() {
        let text = "id: 1\ndata: {\"choices\":[{\"delta\":\ndata: {\"reasoning\":\"a\"}}]}\n\n"
        #expect(
            event(text, .reasoningContent)
                == "id: 1\ndata: {\"choices\":[{\"delta\": {\"reasoning_content\":\"a\"}}]}\n\n"
        )
    }

    @Test(arguments: [
        "data: [DONE]\n\n", ": reasoning\n\n", "data: {\"reasoning\":1}\n\n",
        "data: {\"choices\":{\"reasoning\":1}}\n\n",
        "data: {\"choices\":[{\"delta\":{\"reasoning\":\"x\n\n", "data: {\"choices\":[\"reasoning\"]}\n\n",
        "event: x\n\n", "data: {\"choices\":[{\"delta\":[\"reasoning\"]}]}\n\n", "data:\n\n", "\n",
        "data: {\"reasoning\n\n",
        "data: {\"choices\":[{\"message\":{\"reasoning\":\"\\", "data: \"reasoning\"",
    ]) func anythingElseStays(text: String) {
        for member in ReasoningMember.allCases { #expect(event(text, member) == nil, "\(member)") }
    }

    @Test func aWholeAnswerHasMessages() {
        let text = #"{"choices":[{"index":0,"message":{"role":"assistant","content":"x","reasoning_content":"y"}}]}"#
        let found = ReasoningMember.both.rewritten(document: Array(text.utf8))
        let expected = text.replacing(#""y""#, with: #""y","reasoning":"y""#)
        #expect(found.map { String(decoding: $0, as: UTF8.self) } == expected)
        #expect(ReasoningMember.reasoningContent.rewritten(document: Array(text.utf8)) == nil)
    }

    /// An event that is cut off or has a changed byte never makes the function trap, whatever it returns.
    @Test func damagedBytesAreNoDanger() {
        let text = Array(("data: " + delta(#""reasoning":"a\\","reasoning_content":{"x":[1,"y"]}"#) + "\n\n").utf8)
        for member in ReasoningMember.allCases {
            for end in text.indices { _ = member.rewritten(event: Array(text[..<end]).span) }
            for index in text.indices {
                for byte in Array("\"\\{}[],: \n".utf8) {
                    var changed = text
                    changed[index] = byte
                    _ = member.rewritten(event: changed.span)
                }
            }
        }
    }
}
