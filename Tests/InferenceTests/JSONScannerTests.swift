// Tests what the scanner finds in events and JSON responses: errors of engines and gateways, invalid JSON, token
// counts.

import Testing

@testable import Inference

@Suite struct JSONScannerTests {
    private let scanner = JSONScanner()

    private func answer(_ json: String) -> AnswerScan { scanner.scanAnswer(Array(json.utf8).span) }
    private func answer(_ json: [UInt8]) -> AnswerScan { scanner.scanAnswer(json.span) }
    private func event(_ data: String) -> AnswerScan { scanner.scanEvent(Array("data: \(data)\n\n".utf8).span) }

    struct Form: Sendable, CustomTestStringConvertible {
        var json: String
        var message: String?
        /// The status that a chat client gets for this error.
        var status: Int
        var testDescription: String { json }

        init(_ json: String, _ message: String?, _ status: Int) {
            self.json = json
            self.message = message
            self.status = status
        }
    }

    static let forms = [
        // Errors in the format of Google's Gemini.
        Form(
            #"[{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED"}}]"#,
            "Quota exceeded",
            429
        ),
        Form(#"[{"error":"boom"}]"#, "boom", 502),
        // Errors in the format of Amazon Bedrock.
        Form(#"{"throttlingException":{"message":"slow down"}}"#, "slow down", 429),
        Form(#"{"internalServerException":{"message":"m"}}"#, "m", 500),
        Form(#"{"modelStreamErrorException":{"message":"m","originalStatusCode":424}}"#, "m", 502),
        Form(#"{"serviceUnavailableException":{"message":"m"}}"#, "m", 503),
        Form(#"{"validationException":{"message":"m"}}"#, "m", 400),
        Form(#"{"modelTimeoutException":{"message":"m"}}"#, "m", 504),
        // Errors that are not in an inner object: the members are at the top level of the JSON.
        Form(#"{"code":"rate_limit_exceeded","message":"m"}"#, "m", 429),
        Form(#"{"code":"InternalError","message":"m","request_id":"r"}"#, "m", 500),
        Form(#"{"message":"m","type":"too_many_requests_error","param":"queue","code":"queue_exceeded"}"#, "m", 429),
        Form(#"{"code":50505,"message":"Model service overloaded.","data":null}"#, "Model service overloaded.", 503),
        Form(#"{"statusCode":500,"message":"m"}"#, "m", 500), Form(#"{"errorType":"X","errorMessage":"m"}"#, "m", 502),
        Form(#"{"error_code":500,"message":"m"}"#, "m", 500), Form(#"{"errorCode":17,"errorMsg":""}"#, nil, 502),
        Form(#"{"error_code":10402,"text":"m"}"#, "m", 502), Form(#"{"error_code":336501,"error_msg":"m"}"#, "m", 502),
        Form(#"{"status":"error","message":"m"}"#, "m", 502), Form(#"{"success":false,"message":"m"}"#, "m", 502),
        Form(#"{"errors":[{"message":"m"}]}"#, "m", 502), Form(#"{"errors":[{"message":"m"}],"data":null}"#, "m", 502),
        Form(#"{"message":"Internal server error"}"#, "Internal server error", 502),
        Form(#"{"fault":{"faultstring":"m","detail":{"errorcode":"x.QuotaViolation"}}}"#, "m", 502),
        Form(#"{"Response":{"Error":{"Code":"AuthFailure","Message":"m"},"RequestId":"r"}}"#, "m", 502),
        Form(#"{"x_groq":{"id":"r","error":"m"}}"#, "m", 502),
        // Errors in the format of MiniMax.
        Form(#"{"choices":null,"base_resp":{"status_code":1008,"status_msg":"m"}}"#, "m", 502),
        Form(#"{"base_resp":{"status_code":1002,"status_msg":"m"}}"#, "m", 429),
        Form(#"{"base_resp":{"status_code":1039,"status_msg":"m"}}"#, "m", 400),
        // Responses of OpenAI's responses API that have failed without an error message.
        Form(#"{"object":"response","status":"failed","error":null,"output":[]}"#, nil, 502),
        Form(#"{"type":"response.failed","response":{"status":"failed","error":null}}"#, nil, 502),
        Form(#"{"type":"response.failed","response":{}}"#, nil, 502),
        Form(#"{"type":"response.done","response":{"status":"failed"}}"#, nil, 502),
    ]

    @Test(arguments: forms) func isSeen(form: Form) {
        for scan in [answer(form.json), event(form.json)] {
            #expect(scan.error != nil && scan.error?.message == form.message)
            #expect(scan.error?.classified(in: .openAIChat).status == form.status)
        }
    }

    /// Each error in `forms` is also detected when it arrives as an event of a stream, in every dialect.
    @Test(arguments: forms) func isSeenInAStream(form: Form) {
        for dialect in Dialect.allCases {
            var meter = Meter(dialect: dialect)
            let kind = meter.read(Array("data: \(form.json)\n\n".utf8).span, at: 1, scanner: scanner)
            #expect(meter.sawError && (kind == .error || kind == .end), "\(dialect)")
        }
    }

    @Test(arguments: [
        #"{"choices":[{"index":0}],"error":null,"code":"x","message":"error"}"#,
        #"{"choices":[{"index":0}],"error":{"code":0,"message":""}}"#,
        #"{"choices":[{"index":0}],"error":{"code":"","message":null,"type":"","param":null}}"#,
        #"{"choices":[{"index":0,"error":{"code":0,"message":""}}],"error":"none"}"#,
        #"{"choices":[{"index":0}],"error":{"code":200,"message":"OK"},"base_resp":{"status_code":0,"status_msg":""}}"#,
        #"{"object":"response","status":"completed","error":null,"output":[]}"#,
        #"{"object":"response","status":"cancelled","output":[]}"#,
        #"{"type":"message","content":[{"type":"text","text":"{\"error\":{\"code\":500}}"}],"stop_reason":"end_turn"}"#,
        #"{"type":"response.code_interpreter_call_code.done","code":"raise","message":"error"}"#,
        #"{"object":"list","data":[{"embedding":[1]}],"errors":[],"success":true}"#,
        #"{"data":[{"embedding":[1]}],"errors":[{"message":"m"}]}"#,
        #"{"results":[{"error":"x"}],"message":"failed: 1"}"#,
        #"{"status":"ok","message":"0 errors"}"#, #"{"success":true,"message":"no failure"}"#,
        #"{"code":0,"message":"ok"}"#, #"{"code":20000,"message":"ok"}"#, #"{"code":"Success","message":"m"}"#,
        #"{"error_code":0,"message":"m"}"#, #"{"message":"hello"}"#, #"[{"index":0,"score":0.5}]"#, "[]", "[1]", "null",
        #"[{"error":"x"},{"score":1}]"#, #"[{"error":null,"score":1}]"#, #"{"throttlingException":null}"#,
    ]) func aGoodAnswerHasNone(json: String) {
        #expect(answer(json).error == nil && answer(json).isValid)
        #expect(event(json).error == nil)
    }

    @Test func aFailedResponseMayBeNamedInItsLineAlone() {
        let scan = scanner.scanEvent(Array("event: response.failed\ndata: {\"response\":{}}\n\n".utf8).span)
        #expect(scan.error != nil && scan.type == "response.failed")
    }

    @Test(arguments: [
        "{\n  \"error\": {\n    \"message\": \"m\"\n  }\n}\n\n", "[{\"error\":{\"message\":\"m\"}}]\n\n",
        "event: error\n{\n\"error\":\n\"m\"\n}\n\n",
    ]) func aDocumentInTheLinesOfAStreamIsSeen(text: String) {
        let scan = scanner.scanEvent(Array(text.utf8).span)
        #expect(scan.error?.message == "m" && scan.isErrorBare)
    }

    /// The parser has memory to unescape each string of the document once.
    ///
    /// The scanner must not unescape one twice.
    @Test func longWordsAreRead() {
        let pad = String(repeating: "\\u00e9", count: 30_000)
        for key in ["object", "status", "code", "message", "error", "type", "detail", "error_code", "fault"] {
            _ = answer(#"{"\#(key)":"\#(pad)","a":{"\#(key)":"\#(pad)"}}"#)
        }
    }

    // MARK: Input that lenient readers accept

    private static let chat =
        #"{"choices":[{"index":0,"message":{"content":"a#"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2}}"#

    private static func with(_ bytes: [UInt8], in json: String) -> [UInt8] {
        Array(json.utf8).flatMap { $0 == UInt8(ascii: "#") ? bytes : [$0] }
    }

    @Test(arguments: [[0xE4, 0xB8], [0xFF], [0xC3], [0xED, 0xA0, 0x80], [0x01], [0x0A], [0x5C, 0x6E, 0x09, 0xE4]])
    func bytesThatAreNoTextHideNothing(bytes: [UInt8]) {
        let good = answer(Self.with(bytes, in: Self.chat))
        #expect(good.isValid && good.finishReason == "stop" && good.tokens.input.value == 5 && good.error == nil)
        let json =
            #"{"error":{"message":"bad # prompt","type":"invalid_request_error","code":"context_length_exceeded"}}"#
        let error = answer(Self.with(bytes, in: json))
        #expect(error.error?.code == "context_length_exceeded" && error.error?.message?.hasPrefix("bad ") == true)
        guard !bytes.contains(0x0A) else { return }
        let data = Array("data: ".utf8) + Self.with(bytes, in: Self.chat) + [10, 10]
        var meter = Meter(dialect: .openAIChat)
        #expect(meter.read(data.span, at: 1, scanner: scanner) == .finish && meter.isCompleteAtCleanEnd)
    }

    @Test func bytesThatAreNoTextAreReplaced() {
        let error = answer(Self.with([0xE4, 0xB8], in: #"{"error":{"message":"a#b","code":400}}"#)).error
        #expect(error?.message == "a\u{FFFD}b")
        let status = EngineError(status: 400, body: Self.with([0xFF], in: #"{"error":"a#b"}"#).span)
        #expect(status.message == "a\u{FFFD}b" && status.classified(in: .openAIChat).message == "a\u{FFFD}b")
        let failed = Self.with(
            [0xFF],
            in: #"{"type":"response.completed","response":{"output":"x#","usage":{"input_tokens":3}}}"#
        )
        var meter = Meter(dialect: .responses)
        let event = Array("event: response.completed\ndata: ".utf8) + failed + [10, 10]
        #expect(meter.read(event.span, at: 1, scanner: scanner) == .end && meter.promptTokens == 3)
    }

    @Test(arguments: ["NaN", "Infinity", "-Infinity"]) func numbersOfOtherLanguagesHideNothing(number: String) {
        let json = Self.chat.replacing(#""index":0"#, with: #""logprobs":[\#(number),1],"index":0"#)
        #expect(answer(json).isValid && answer(json).finished == 1)
        #expect(answer(#"{"error":{"message":"m","x":\#(number)}}"#).error?.message == "m")
        #expect(!answer(#"{"a":\#(number)1}"#).isValid && !answer("{\"a\":N}").isValid)
    }

    @Test func aByteOrderMarkHidesNothing() {
        #expect(answer("\u{FEFF}" + Self.chat).finishReason == "stop")
        #expect(event("\u{FEFF}" + Self.chat).finishReason == "stop")
        #expect(answer("\u{FEFF}{\"error\":\"m\"}").error?.message == "m")
        let error = EngineError(
            status: 500,
            body: Array("\u{FEFF}{\"error\":{\"code\":\"context_length_exceeded\"}}".utf8).span
        )
        #expect(error.code == "context_length_exceeded" && error.classified(in: .openAIChat).status == 400)
        var large = LargeDocument()
        large.take(Array("\u{FEFF}{\"usage\":{\"prompt_tokens\":3}}".utf8).span)
        #expect(large.scan(with: scanner).tokens.input.value == 3)
    }

    @Test func repairLeavesJSONAsItIs() {
        for json in [Self.chat, #"{"a":"NaN é \" \\","b":[-1.5e3,true,null,"\u00e9\ud83d\ude00"]}"#, "[\n\t1 ]"] {
            #expect(text(EventLines.text(of: Array(json.utf8).span)) == json)
        }
    }

    @Test func whatDoesNotParseIsNoCount() {
        for json in [
            #"{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1},}"#, Self.chat + Self.chat,
            Self.chat + "\n{\"error\":{\"message\":\"m\"}}", String(Self.chat.dropLast()),
        ] {
            let scan = answer(json)
            #expect(!scan.isValid && !scan.hasUsage && scan.tokens == TokenCounts() && !scan.isAnswer(in: .openAIChat))
        }
    }

    // MARK: Validity

    @Test(arguments: [#"[{"index":0,"score":0.5}]"#, "1.5e3", "true", #""text""#, "null", #"{"choices":[null]}"#, "{}"])
    func anAnswerIsAnyDocument(json: String) { #expect(scanner.scanAnswer(Array(json.utf8).span).isValid) }

    @Test func anAnswerThatIsCutIsNone() {
        let answer =
            #"{"id":"é","choices":[{"index":0,"message":{"tool_calls":[{"function":{"arguments":"{\"a\":\u00e9}"}}],"x":[1,-2.5e+3,true,null]},"finish_reason":"tool_calls"}]}"#
        let bytes = Array(answer.utf8)
        #expect(scanner.scanAnswer(bytes.span).isValid)
        for count in 0..<bytes.count { #expect(!scanner.scanAnswer(Array(bytes[..<count]).span).isValid, "\(count)") }
        for wrong in [#"{"a":01}"#, #"{"a":1,}"#, #"["\x"]"#, #"{"a" 1}"#, "[1 2]", "{1:2}", "tru", "-"] {
            #expect(!scanner.scanAnswer(Array(wrong.utf8).span).isValid, "\(wrong)")
        }
    }

    @Test func scansJSONAnswers() {
        let answer =
            #"{"id":"c","choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":1}}"#
        let scan = scanner.scanAnswer(Array(answer.utf8).span)
        #expect(scan.isValid && scan.hasText && scan.finishReason == "stop" && scan.tokens.input.value == 2)
        #expect(!scanner.scanAnswer(Array(answer.utf8.dropLast()).span).isValid)
        #expect(!scanner.scanAnswer([UInt8]().span).isValid)
        func error(_ json: String) -> EngineError? { scanner.scanAnswer(Array(json.utf8).span).error }
        #expect(error(#"{"object":"error","message":"no","code":400}"#)?.namedStatus == 400)
        #expect(
            error(#"{"object":"response","status":"failed","error":{"code":"server_error"}}"#)?.code == "server_error"
        )
        #expect(error(#"{"object":"response","status":"completed","error":null,"output":[]}"#) == nil)
        #expect(error(#"{"object":"list","data":[],"error":{},"detail":""}"#) == nil)
    }
}
