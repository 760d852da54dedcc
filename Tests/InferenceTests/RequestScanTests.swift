// Tests which values the scan of a request body finds, and which bodies it refuses.

import Inference
import Testing

@Suite struct RequestScanTests {
    let scanner = JSONScanner()

    func scan(_ body: String, _ dialect: Dialect = .openAIChat) throws(RequestScanError) -> RequestScan {
        try scanner.scanRequest(RequestBody(body), dialect: dialect)
    }

    @Test func findsWhatItReads() throws {
        let body = """
             {"messages":[{"role":"user","content":"hi \\"model\\": x"}], "model" : "qwen/a" , "stream": true,
             "max_tokens": 7, "n": 3, "stream_options": {"include_usage": false}}
            """
        let found = try scan(body)
        #expect(found.model == "qwen/a")
        #expect(text(Array(body.utf8)[found.rawModel]) == "\"qwen/a\"")
        #expect(found.objectStart == 1)
        #expect(found.stream)
        #expect(found.maxTokens == 7)
        #expect(found.n == 3)
        guard case .object(let open, false, .no(let range)) = found.streamOptions else {
            Issue.record("\(found.streamOptions)")
            return
        }
        #expect(Array(body.utf8)[open] == UInt8(ascii: "{"))
        #expect(text(Array(body.utf8)[range]) == "false")
    }

    @Test func readsEscapedKeysAndValues() throws {
        let body = #"{"mod\u0065l":"a\/b\u00e9","str\u0065am":true}"#
        let found = try scan(body)
        #expect(found.model == "a/bé")
        #expect(text(Array(body.utf8)[found.rawModel]) == #""a\/b\u00e9""#)
        #expect(found.stream)
    }

    @Test func isNotTakenInByDecoys() throws {
        let body =
            #"{"messages":[{"model":"x","stream":true,"n":9}],"a":{"model":"y"},"b":"\",\"model\":\"z","model":"m"}"#
        let found = try scan(body)
        var expected = RequestScan(model: "m", rawModel: found.rawModel)
        expected.prompt.messages = 12..<12 + #"[{"model":"x","stream":true,"n":9}]"#.utf8.count
        #expect(found == expected)
    }

    @Test func takesNullForAbsent() throws {
        let body = #"{"model":"m","stream":null,"stream_options":null,"max_tokens":null,"n":null}"#
        let found = try scan(body)
        #expect(!found.stream && found.maxTokens == nil && found.n == 1)
        guard case .null(let range) = found.streamOptions else {
            Issue.record("\(found.streamOptions)")
            return
        }
        #expect(text(Array(body.utf8)[range]) == "null")
    }

    /// If a request has two limits for its tokens, the larger one counts, because an engine may know only one of the
    /// names.
    @Test func theLargestLimitOnTokensCounts() throws {
        #expect(try scan(#"{"model":"m","max_tokens":5,"max_completion_tokens":6}"#).maxTokens == 6)
        #expect(try scan(#"{"model":"m","max_tokens":50,"max_completion_tokens":6}"#).maxTokens == 50)
        #expect(try scan(#"{"model":"m","max_tokens":0}"#).maxTokens == 0)
        #expect(try scan(#"{"model":"m","max_tokens":-1}"#).maxTokens == nil, "none, as llama.cpp writes it")
        #expect(try scan(#"{"model":"m","max_tokens":-1,"max_completion_tokens":6}"#).maxTokens == 6)
        #expect(try scan(#"{"model":"m","max_output_tokens":8}"#, .responses).maxTokens == 8)
        #expect(try scan(#"{"model":"m","max_tokens":9.0}"#, .messages).maxTokens == 9)
    }

    @Test func allCompletionsOfAnAnswerAreCounted() throws {
        #expect(try scan(#"{"model":"m","max_tokens":10}"#).answerTokensMax == 10)
        #expect(try scan(#"{"model":"m","n":5000}"#).answerTokensMax == nil)
        #expect(try scan(#"{"model":"m","max_tokens":10,"n":5000}"#).answerTokensMax == 50_000)
        let completions = #"{"model":"m","max_tokens":10,"n":2,"best_of":4,"prompt":["a","b","c"]}"#
        #expect(try scan(completions, .completions).answerTokensMax == 120)
        let absurd = #"{"model":"m","max_tokens":4611686018427387904,"n":4611686018427387904}"#
        #expect(try scan(absurd).answerTokensMax == .max)
    }

    @Test(arguments: [
        (#"{"model":"a","max_tokens":-4611686018427387904}"#, "max_tokens", Dialect.openAIChat),
        (#"{"model":"a","max_tokens":-2}"#, "max_tokens", .messages),
        (#"{"model":"a","max_tokens":-2e15}"#, "max_tokens", .openAIChat),
        (
            #"{"model":"a","max_tokens":1,"max_completion_tokens":-9223372036854775808}"#, "max_completion_tokens",
            .openAIChat
        ),
        (#"{"model":"a","max_output_tokens":-7}"#, "max_output_tokens", .responses),
        (#"{"model":"a","n":0}"#, "n", .openAIChat),
        (#"{"model":"a","n":-4611686018427387904}"#, "n", .completions),
        (#"{"model":"a","best_of":-1}"#, "best_of", .completions),
    ]) func refusesNumbersThatAreTooSmall(body: String, key: String, dialect: Dialect) throws {
        let error = try #require(#expect(throws: RequestScanError.self) { try scan(body, dialect) })
        #expect(error.param == key && Failure(scan: error).status == 400)
        guard case .tooSmall = error else {
            Issue.record("\(body): \(error)")
            return
        }
    }

    @Test(arguments: [
        (#"{"model":"a","model":"b"}"#, RequestScanError.duplicate("model")),
        (#"{"model":"a","mod\u0065l":"b"}"#, .duplicate("model")),
        (#"{"model":"a","stream":true,"stream":null}"#, .duplicate("stream")),
        (#"{"model":"a","n":null,"n":null}"#, .duplicate("n")),
        (
            #"{"model":"a","stream_options":{"include_usage":true,"include_usage":true}}"#,
            .duplicate("stream_options.include_usage")
        ),
        (#"{"model":"a","prompt":"x","prompt":["x","y"]}"#, .duplicate("prompt")),
        (#"{"model":1}"#, .wrongType("model", expected: "a string")),
        (#"{"model":null}"#, .wrongType("model", expected: "a string")),
        (#"{"model":["a"]}"#, .wrongType("model", expected: "a string")),
        (#"{"model":"a","stream":"true"}"#, .wrongType("stream", expected: "a boolean")),
        (#"{"model":"a","stream":1}"#, .wrongType("stream", expected: "a boolean")),
        (#"{"model":"a","n":"2"}"#, .wrongType("n", expected: "an integer")),
        (#"{"model":"a","n":1.5}"#, .wrongType("n", expected: "an integer")),
        (#"{"model":"a","max_tokens":[1]}"#, .wrongType("max_tokens", expected: "an integer")),
        (#"{"model":"a","stream_options":true}"#, .wrongType("stream_options", expected: "an object")),
        (
            #"{"model":"a","stream_options":{"include_usage":1}}"#,
            .wrongType("stream_options.include_usage", expected: "a boolean")
        ),
        (#"{"messages":[]}"#, .missingModel),
        (#"{}"#, .missingModel),
        (#"{"model":""}"#, .missingModel),
        (#"[]"#, .notAnObject),
        (#""model""#, .notAnObject),
        (#"17"#, .notAnObject),
        (#"{"model":"a"}{"model":"b"}"#, .trailingContent),
        ("", .invalidJSON),
        ("   ", .invalidJSON),
        (#"{"model":"a""#, .invalidJSON),
        (#"{"model":"a"} x"#, .invalidJSON),
        (#"{"model":"a","#, .invalidJSON),
        (#"{"model":"a"#, .invalidJSON),
        (#"{"model" "a"}"#, .invalidJSON),
        (#"{"model":"a" "b":1}"#, .invalidJSON),
        (#"{"model":"\q"}"#, .invalidJSON),
        (#"{"model":"a","stream":truth}"#, .invalidJSON),
        (#"{model:"a"}"#, .invalidJSON),
    ]) func refuses(body: String, error: RequestScanError) {
        #expect(throws: error) { try scan(body, .completions) }
    }

    /// The edge refuses keys that only Go's JSON decoder takes for a known key, because engines would read them
    /// differently.
    ///
    /// Go ignores the case of keys, by Unicode case folding, and uses the last duplicate.
    @Test(arguments: [
        (#"{"model":"m","Model":"x"}"#, "model"), (#"{"MODEL":"x"}"#, "model"), (#"{"m\u004fdel":"x"}"#, "model"),
        (#"{"model":"m","\u017ftream":true}"#, "stream"), ("{\"model\":\"m\",\"\u{17F}tream\":true}", "stream"),
        (#"{"model":"m","Stream":true}"#, "stream"), (#"{"model":"m","STREAM_OPTIONS":{}}"#, "stream_options"),
        (#"{"model":"m","stream_optıons":{}}"#, "stream_options"), (#"{"model":"m","ﬆream":1}"#, "stream"),
        (#"{"model":"m","N":2}"#, "n"), (#"{"model":"m","max_to\u212Aens":2}"#, "max_tokens"),
        ("{\"model\":\"m\",\"max_to\u{212A}ens\":2}", "max_tokens"), (#"{"model":"m","Max_Tokens":2}"#, "max_tokens"),
        (#"{"model":"m","max_Completion_tokens":2}"#, "max_completion_tokens"),
        (#"{"model":"m","Prompt":2}"#, "prompt"),
        (#"{"model":"m","stream_options":{"Include_Usage":true}}"#, "stream_options.include_usage"),
        (#"{"model":"m","stream_options":{"include_u\u017fage":true}}"#, "stream_options.include_usage"),
        (#"{"model":"m","model\u0000":"x"}"#, "model"), (#"{"model":"m","stream\u0000\ud800":true}"#, "stream"),
    ]) func refusesWhatOthersTakeForAKeyThatWeRead(body: String, key: String) {
        #expect(throws: RequestScanError.ambiguous(key)) { try scan(body, .completions) }
    }

    @Test(arguments: [
        (#"{"max_Output_tokens":1,"model":"m"}"#, Dialect.responses, "max_output_tokens"),
        (#"{"Max_tokens":1,"model":"m"}"#, .messages, "max_tokens"), (#"{"Model":"m"}"#, .other, "model"),
        (#"{"Model":"m"}"#, .tokenize, "model"), (#"{"sTream":"m"}"#, .embeddings, "stream"),
    ]) func whichKeysAreReadIsTheDialects(body: String, dialect: Dialect, key: String) {
        #expect(throws: RequestScanError.ambiguous(key)) { try scan(body, dialect) }
    }

    @Test(arguments: [
        #""Messages":1"#, #""\ud800":1"#, #""model\ud800":"x""#, #""mode\udc00l":"x""#, #""\ud83d\ude00":1"#,
        #""":1"#,
        #""models":"x""#, #""mod el":"x""#, #""_model":"x""#, #""modél":"x""#, #""МODEL":1"#, #""nn":1,"N2":2"#,
        #""\q":1"#, #""a\u00":1"#, #""m\\odel":1"#, #""m\"odel":1"#, #""max_tokens\n":"x""#, #""\u0000model":"x""#,
        #""max_completion_tokens_and_more_of_a_name_without_end":1"#, #""𝓂odel":1"#, #""Max_Output_Tokens":1"#,
    ]) func leavesOtherKeysToTheEngine(member: String) throws {
        #expect(try scan("{\(member),\"model\":\"m\"}").model == "m")
        #expect(try scan("{\"model\":\"m\",\(member)}").model == "m")
        let inside = try scan("{\"model\":\"m\",\"stream_options\":{\(member)}}")
        guard case .object(_, isEmpty: false, includeUsage: .absent) = inside.streamOptions else {
            Issue.record("\(inside.streamOptions)")
            return
        }
    }

    @Test func refusesANameThatIsTooLong() throws {
        let name = String(repeating: "m", count: 1025)
        #expect(throws: RequestScanError.tooLong("model", limit: 1024)) { try scan(#"{"model":"\#(name)"}"#) }
        #expect(try scan(#"{"model":"\#(name.dropLast())"}"#).model.count == 1024)
    }

    @Test func refusesBytesThatAreNotUTF8() {
        let body = RequestBody()
        body.append((Array(#"{"model":"a","x":""#.utf8) + [0xFF] + Array(#""}"#.utf8)).span)
        #expect(throws: RequestScanError.invalidJSON) { try scanner.scanRequest(body) }
    }

    @Test func leavesOtherDialectsTheirOwnKeys() throws {
        #expect(try scan(#"{"model":"m","n":"many","max_tokens":{},"stream_options":7}"#, .other).model == "m")
    }

    @Test func readsWithinABufferThatGrew() throws {
        let body = RequestBody()
        for byte in #"{"pad":"\#(String(repeating: "x", count: 9000))","model":"m"}"#.utf8 { body.append([byte].span) }
        #expect(try scanner.scanRequest(body).model == "m")
    }

    @Test func givesBackTheMemoryOfALargeBody() throws {
        _ = try scan(#"{"pad":"\#(String(repeating: "x", count: 3_000_000))","model":"m"}"#)
        #expect(scanner.memory <= 1 << 20)
        _ = try scan(#"{"model":"m"}"#)
        #expect(scanner.memory > 0 && scanner.memory <= 1 << 20)
    }

    @Test func survivesEveryPrefix() {
        let body = Array(
            #"{"model":"m","stream":true,"stream_options":{"include_usage":null},"n":1,"a":[{"b":[1,2]}]}"#.utf8
        )
        for end in 0..<body.count {
            let part = RequestBody(expecting: end)
            part.append(Array(body[..<end]).span)
            #expect(throws: RequestScanError.self) { try scanner.scanRequest(part) }
        }
    }
}
