// Tests how the edge removes the billing header, a line that coding agents put at the beginning of the system prompt.

import Inference
import Testing

@Suite struct BillingHeaderTests {
    private static let header = "x-anthropic-billing-header: cc_version=2.1.37.3a3; cc_entrypoint=cli; cch=fa690;"
    private static let block = #"{"type":"text","text":"\#(header)"}"#
    private let scanner = JSONScanner()

    /// The body that the edge sends to an executor whose setting removes the billing header.
    private func stripped(_ body: String, _ dialect: Dialect) throws -> String {
        let request = RequestBody(body)
        let scan = try scanner.scanRequest(request, dialect: dialect)
        let splice = BodySplice(
            scan,
            length: request.count,
            dialect: dialect,
            executorModel: "m",
            asksForUsage: true,
            stripsBilling: true
        )
        let sent = text(splice.bytes(of: request))
        #expect(splice.count == sent.utf8.count)
        let untouched = BodySplice(
            scan,
            length: request.count,
            dialect: dialect,
            executorModel: scan.model,
            asksForUsage: false
        )
        #expect(untouched == BodySplice(unchanged: request.count))
        return sent
    }

    /// Expects that the edge sends the JSON value `expected` instead of `prompt`.
    ///
    /// `prompt` is tried as `system` of a messages request, and as the `content` of a chat's first message.
    private func expect(
        _ prompt: String,
        _ expected: String,
        _ place: SourceLocation = #_sourceLocation
    ) throws {
        func messages(_ prompt: String) -> String {
            #"{"model":"m","system" : \#(prompt) ,"max_tokens":1,"messages":[{"role":"user","content":"é"}]}"#
        }
        func chat(_ prompt: String, role: String) -> String {
            let user = #"{"role":"user","content":"é"}"#
            return #"{ "messages":[ {"role":"\#(role)","content":\#(prompt)},\#(user)],"model":"m"}"#
        }
        func chatWithRoleLast(_ prompt: String) -> String {
            #"{"messages":[{"name":["a,}",{}],"content" : \#(prompt) , "role" : "system"}],"model":"m"}"#
        }
        let count = try stripped(messages(prompt), .countTokens)
        #expect(count == messages(expected), sourceLocation: place)
        #expect(try stripped(messages(prompt), .messages) == messages(expected), sourceLocation: place)
        for role in ["system", "developer"] {
            let sent = try stripped(chat(prompt, role: role), .openAIChat)
            #expect(sent == chat(expected, role: role), sourceLocation: place)
        }
        let sent = try stripped(chatWithRoleLast(prompt), .openAIChat)
        #expect(sent == chatWithRoleLast(expected), sourceLocation: place)
    }

    @Test func aBlockIsLeftOutWithItsComma() throws {
        let rest = #"{"type":"text","text":"You are","cache_control":{"type":"ephemeral"}}"#
        try expect("[\(Self.block),\(rest)]", "[\(rest)]")
        try expect("[\(Self.block),\(rest),\(rest)]", "[\(rest),\(rest)]")
        try expect(" [ \(Self.block) ,\n\t\(rest) ] ", " [ \(rest) ] ")
        try expect("[\(Self.block)]", "[]")
        try expect("[ \(Self.block)\n]", "[ \n]")
        try expect("[\(Self.block),7]", "[7]")
        try expect("[\(Self.block),\(Self.block)]", "[\(Self.block)]")
    }

    @Test(arguments: [
        #"{"text":"HEADER","type":"text"}"#, #"{ "type" : "text" , "text" : "HEADER" }"#,
        "{\r\n\t\"type\"\n:\t\"text\",\r\"text\":\"HEADER\"\n}",
        #"{"type":"text","text":"HEADER","cache_control":{"type":"ephemeral","ttl":"1h"}}"#,
        #"{"cache_control":{"a":[1,{"b":"]},\"\\"}]},"citations":null,"type":"text","text":"HEADER"}"#,
        #"{"type":"text","text":"HEADER\n"}"#, #"{"type":"text","text":"HEADER  \r\n\u000A"}"#,
        #"{"type":"text","text":"x-anthropic-billing-header: what nobody knows yet"}"#,
        #"{"type":"text","text":"x-anthropic-billing-header:"}"#,
        #"{"type":"text","text":"x-anthropic-billing-header:a=b"}"#,
        #"{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1.222; cc_prev_req=req_011Cdk3;"}"#,
    ]) func aBlockMayHaveAnyForm(form: String) throws {
        let block = form.replacing("HEADER", with: Self.header)
        try expect(#"[\#(block),{"type":"text","text":"You are"}]"#, #"[{"type":"text","text":"You are"}]"#)
        try expect("[\(block)]", "[]")
    }

    @Test(arguments: [
        (#"HEADER\nYou are\nClaude"#, #"You are\nClaude"#), (#"HEADER\n\nYou"#, "You"), (#"HEADER\r\nYou"#, "You"),
        (#"HEADER\u000aYou"#, "You"), (#"HEADER \u000D\u000A\n  You"#, "  You"), (#"HEADER\n\tYou"#, #"\tYou"#),
        (#"HEADER\n\"You\""#, #"\"You\""#), (#"HEADER\né"#, "é"), ("HEADER", ""), (#"HEADER\n"#, ""),
        // Some clients join the blocks of a prompt without a separator, so the header is followed directly by the text.
        ("HEADERYou are Claude; a=b;", "You are Claude; a=b;"), ("HEADER You are", "You are"), ("HEADERé", "é"),
        (#"x-anthropic-billing-header: cch=1 You are\nClaude"#, #"You are\nClaude"#),
        (#"x-anthropic-billing-header: cch=1\nYou are"#, "You are"),
        (#"x-anthropic-billing-header: of another form\nYou are"#, "You are"),
        (#"HEADER\nHEADER\nYou are"#, #"HEADER\nYou are"#),
    ]) func ofAStringTheLineIsLeftOut(before: String, after: String) throws {
        let before = before.replacing("HEADER", with: Self.header)
        let after = after.replacing("HEADER", with: Self.header)
        try expect("\"\(before)\"", "\"\(after)\"")
        if !after.isEmpty {
            // The same text is tried as a block that has more text after the header.
            try expect(#"[{"type":"text","text":"\#(before)"}, 7 ]"#, #"[{"type":"text","text":"\#(after)"}, 7 ]"#)
            try expect(#"[{"text":"\#(before)","type":"text"}]"#, #"[{"text":"\#(after)","type":"text"}]"#)
        }
    }

    @Test(arguments: [
        // The value has no prompt text, or the text differs slightly from the header.
        "null", "7", "[]", "[ ]", "{}", "\"\"", #""You are""#, "[7]", "[null]", "[[BLOCK]]", #"["HEADER"]"#, "{BLOCK}",
        #"{"type":"text","text":"HEADER"}"#, #"" HEADER""#, #""\nHEADER""#, #""X-Anthropic-Billing-Header: a=b;""#,
        #""x-anthropic-billing-header""#, #""x-anthropic-billing-heade""#, #""y-anthropic-billing-header: a=b;""#,
        // The header is not at the beginning of the prompt.
        #""You are\nHEADER""#, #"[{"type":"text","text":"You are"},BLOCK]"#, #"[{"type":"text","text":""},BLOCK]"#,
        #"[{},BLOCK]"#, #"[7,BLOCK]"#, #"[{"type":"image","text":"HEADER"},BLOCK]"#,
        // The block is not a text block, or a member of the block occurs twice.
        #"[{"text":"HEADER"}]"#, #"[{"type":"image","text":"HEADER"}]"#, #"[{"type":7,"text":"HEADER"}]"#,
        #"[{"type":"text","text":["HEADER"]}]"#, #"[{"type":"text","source":{"text":"HEADER"}}]"#,
        #"[{"type":"text","Text":"HEADER"}]"#, #"[{"type":"text","text":"HEADER","text":"You are"}]"#,
        #"[{"type":"text","text":"HEADER","type":"image"}]"#, #"[{"type":"text","title":"HEADER","text":""}]"#,
        // Escapes in the header or in the names of members.
        #""\u0078-anthropic-billing-header: a=b;\nYou""#, #""x-anthropic\u002dbilling-header: a=b;\nYou""#,
        #""x-anthropic-billing-header: a=\u0062;\nYou""#, #""x-anthropic-billing-header: a \"b\"\nYou""#,
        #""x-anthropic-billing-header: a=b;\t""#, #""x-anthropic-billing-header: é""#,
        #"[{"type":"text","te\u0078t":"HEADER"}]"#, #"[{"type":"text","text":"HEADER","te\u0078t":"You are"}]"#,
        #"[{"type":"te\u0078t","text":"HEADER"}]"#, #"[{"t\u0079pe":"image","type":"text","text":"HEADER"}]"#,
    ]) func everythingElseIsLeftAlone(prompt: String) throws {
        let prompt = prompt.replacing("BLOCK", with: Self.block).replacing("HEADER", with: Self.header)
        try expect(prompt, prompt)
    }

    @Test(arguments: [
        // Invalid JSON: the scan may miss it in members that it does not read. Then the engine has to refuse it.
        #"[{"type":"text","text":"HEADER",}]"#, #"[{"type":"text","text":"HEADER"},]"#,
        #"[{"type":"text" "text":"HEADER"}]"#, #"[{"type":"text","text":"HEADER","a":}]"#,
        #"[{"type":"text","text":"HEADER","a":tru}]"#, #"[{"type":"text","text":"HEADER","a":"\x"}]"#,
        #"[{"type":"text","text":"HEADER","a":{"b":1]}]"#, #"[{"type":"text","text":"HEADER"}{}]"#,
        #"[{"type","text":"HEADER"}]"#, #"[{"type":"text",:"HEADER"}]"#, #"[,{"type":"text","text":"HEADER"}]"#,
    ]) func anInvalidPromptIsLeftAlone(prompt: String) throws {
        let prompt = prompt.replacing("HEADER", with: Self.header)
        let body = #"{"model":"m","system":\#(prompt)}"#
        #expect(JSONValue(parsing: Array(body.utf8)) == nil)
        // The scan of this dialect does not read prompts, so it shows whether the scan accepts the invalid JSON.
        let isAccepted = (try? scanner.scanRequest(RequestBody(body), dialect: .responses)) != nil
        let chat = #"{"model":"m","messages":[{"role":"system","content":\#(prompt)}]}"#
        #expect((try? stripped(body, .messages)) == (isAccepted ? body : nil))
        #expect((try? stripped(chat, .openAIChat)) == (isAccepted ? chat : nil))
    }

    @Test func aHeaderThatIsTooLongIsLeftAlone() throws {
        let long = "x-anthropic-billing-header: cch=" + String(repeating: "a", count: 4096)
        try expect("\"\(long)\"", "\"\(long)\"")
        try expect(#"[{"type":"text","text":"\#(long)"}]"#, #"[{"type":"text","text":"\#(long)"}]"#)
        // Only the header must not be too long. The text after it may have any length.
        let prompt = String(repeating: "You are ", count: 10_000)
        try expect(#""\#(Self.header)\n\#(prompt)""#, "\"\(prompt)\"")
        let rest = #"{"type":"text","text":"\#(prompt)"}"#
        try expect("[\(Self.block),\(rest)]", "[\(rest)]")
        let note = #"{"type":"text","text":"\#(Self.header)","note":"\#(prompt)"}"#
        try expect("[\(note),\(rest)]", "[\(rest)]")
    }

    @Test func onlyTheFirstMessageOfAChatIsRead() throws {
        let system = #"{"role":"system","content":"\#(Self.header)"}"#
        for body in [
            #"{"model":"m","messages":[{"role":"user","content":"x"},\#(system)]}"#,
            #"{"model":"m","messages":[{"role":"user","content":"\#(Self.header)"}]}"#,
            #"{"model":"m","messages":[{"content":"\#(Self.header)","role":"user"}]}"#,
            #"{"model":"m","messages":[{"content":"\#(Self.header)"}]}"#,
            #"{"model":"m","messages":[{"role":"system","role":"system","content":"\#(Self.header)"}]}"#,
            #"{"model":"m","messages":[{"role":"system","content":"\#(Self.header)","content":"x"}]}"#,
            #"{"model":"m","messages":{"role":"system","content":"\#(Self.header)"}}"#,
            #"{"model":"m","messages":["\#(Self.header)"]}"#, #"{"model":"m","messages":"\#(Self.header)"}"#,
            #"{"model":"m","messages":[]}"#, #"{"model":"m","messages":[[\#(system)]]}"#,
        ] {
            #expect(try stripped(body, .openAIChat) == body)
        }
    }

    @Test func anotherPlaceOrAnotherDialectIsNotRead() throws {
        let system = #"{"model":"m","system":"\#(Self.header)","messages":[{"role":"user","content":"x"}]}"#
        let chat = #"{"model":"m","messages":[{"role":"system","content":"\#(Self.header)"}]}"#
        for dialect in Dialect.allCases {
            let isAnthropic = dialect == .messages || dialect == .countTokens
            #expect(try (stripped(system, dialect) == system) == !isAnthropic, "\(dialect)")
            #expect(try (stripped(chat, dialect) == chat) == (dialect != .openAIChat), "\(dialect)")
        }
        let inside = #"{"model":"m","metadata":{"system":"\#(Self.header)"},"x":[{"system":[\#(Self.block)]}]}"#
        #expect(try stripped(inside, .messages) == inside)
    }

    /// If a body has two members `system`, some engines use the first and others the last.
    ///
    /// So the edge changes neither.
    @Test func aPromptThatOccursTwiceIsLeftAlone() throws {
        for other in [#""system":"x""#, #""System":"x""#, #""system":[\#(Self.block)]"#, #""sy\u0073tem":null"#] {
            let body = #"{"model":"m","system":[\#(Self.block)],\#(other)}"#
            #expect(try stripped(body, .messages) == body)
        }
        let thrice = #"{"model":"m","system":1,"system":2,"system":[\#(Self.block)]}"#
        #expect(try stripped(thrice, .messages) == thrice)
        let escaped = #"{"model":"m","sy\u0073tem":[\#(Self.block)]}"#
        #expect(try stripped(escaped, .messages) == #"{"model":"m","sy\u0073tem":[]}"#)
    }

    @Test func theOtherChangesAreMadeToo() throws {
        let body = #"{"messages":[{"role":"system","content":"\#(Self.header)\nYou"}],"stream":true,"model":"n"}"#
        #expect(
            try stripped(body, .openAIChat)
                == #"{"stream_options":{"include_usage":true},"messages":[{"role":"system","content":"You"}],"#
                + #""stream":true,"model":"m"}"#
        )
        let request = RequestBody(body)
        let splice = BodySplice(
            try scanner.scanRequest(request),
            length: request.count,
            dialect: .openAIChat,
            executorModel: "n",
            asksForUsage: true,
            stripsBilling: true
        )
        let without = try #require(splice.withoutUsage)
        #expect(
            text(without.bytes(of: request))
                == #"{"messages":[{"role":"system","content":"You"}],"stream":true,"model":"n"}"#
        )
    }

    @Test func survivesEveryPrefix() throws {
        let body = Array(#"{"model":"m","system":[\#(Self.block),{"type":"text","text":"You"}]}"#.utf8)
        for end in 0..<body.count {
            let part = RequestBody(expecting: end)
            part.append(Array(body[..<end]).span)
            #expect(throws: RequestScanError.self) { try scanner.scanRequest(part, dialect: .messages) }
        }
    }
}
