// The JSON member `priority` of requests. The edge removes the client's value before it sends a request to an executor,
// and writes its own value for executors that are configured to get the priority class.

import Inference
import Testing

@Suite struct PriorityMemberTests {
    let scanner = JSONScanner()

    private func sent(_ text: String, _ dialect: Dialect = .openAIChat, priority: Int? = nil) throws -> String {
        let body = RequestBody(text)
        let scan = try scanner.scanRequest(body, dialect: dialect)
        let splice = BodySplice(
            scan,
            length: body.count,
            dialect: dialect,
            executorModel: "m",
            asksForUsage: false,
            priority: priority
        )
        #expect(splice.count == splice.bytes(of: body).count)
        return InferenceTests.text(splice.bytes(of: body))
    }

    @Test(arguments: [
        // `priority` is the first member, in the middle, the last one, or alone on its line.
        (#"{"priority":-100,"model":"m"}"#, #"{"model":"m"}"#),
        (#"{"model":"m","priority":-100,"n":1}"#, #"{"model":"m","n":1}"#),
        (#"{"model":"m","priority":-100}"#, #"{"model":"m"}"#),
        (" { \"priority\" : 1 , \"model\":\"m\" } ", " { \"model\":\"m\" } "),
        ("{\n  \"model\": \"m\",\n  \"priority\": 5\n}\n", "{\n  \"model\": \"m\"\n}\n"),
        ("{\n  \"model\": \"m\",\n  \"priority\": 5,\n  \"n\": 1\n}", "{\n  \"model\": \"m\",\n  \"n\": 1\n}"),
        (#"{"model":"m" , "priority": 5 }"#, #"{"model":"m"  }"#),
        // If there are several, all are removed.
        (#"{"priority":1,"priority":2,"model":"m","priority":3,"n":1,"priority":4}"#, #"{"model":"m","n":1}"#),
        (#"{"model":"m","priority":1,"priority":2}"#, #"{"model":"m"}"#),
        (#"{"model":"m","priority":1,"priority":2,"n":1}"#, #"{"model":"m","n":1}"#),
        (#"{"priority":1,"model":"m","priority":2}"#, #"{"model":"m"}"#),
        // The member is removed whatever its value is, and also if its key has escapes or other letter case.
        (#"{"model":"m","priority":{"a":[1,{"priority":2}]},"n":1}"#, #"{"model":"m","n":1}"#),
        (#"{"model":"m","priority":"}, \"model\":\"x","n":1}"#, #"{"model":"m","n":1}"#),
        (#"{"model":"m","prior\u0069ty":1,"n":1}"#, #"{"model":"m","n":1}"#),
        (#"{"model":"m","Priority":1,"PRIORITY":null,"n":1}"#, #"{"model":"m","n":1}"#),
        (#"{"model":"m","priority\u0000":1,"n":1}"#, #"{"model":"m","n":1}"#),
    ]) func itIsLeftOut(body: String, expected: String) throws {
        for dialect in Dialect.allCases { #expect(try sent(body, dialect) == expected, "\(dialect)") }
    }

    @Test(arguments: [
        #"{"model":"m","messages":[{"role":"user","content":"x","priority":1}]}"#,
        #"{"model":"m","metadata":{"priority":1},"priority_":1,"xpriority":2,"priorit":3}"#,
        #"{"model":"m","user":"priority","service_tier":"priority"}"#,
    ]) func nothingElseIs(body: String) throws {
        for dialect in Dialect.allCases { #expect(try sent(body, dialect) == body, "\(dialect)") }
    }

    @Test func itIsSetWhereTheExecutorIsTold() throws {
        let body = #"{"model":"m","priority":-100,"n":1}"#
        for dialect in [Dialect.openAIChat, .completions, .responses, .messages, .embeddings, .rerank] {
            #expect(try sent(body, dialect, priority: 10) == #"{"priority":10,"model":"m","n":1}"#, "\(dialect)")
            #expect(try sent(#"{"model":"m"}"#, dialect, priority: 0) == #"{"priority":0,"model":"m"}"#)
            let replaced = try sent(#" {"priority":1,"model":"m"}"#, dialect, priority: -10)
            #expect(replaced == #" {"priority":-10,"model":"m"}"#)
        }
        for dialect in [Dialect.countTokens, .tokenize, .other] {
            #expect(try sent(body, dialect, priority: 10) == #"{"model":"m","n":1}"#, "\(dialect)")
        }
    }

    /// One body gets all changes at once: another model name, `include_usage`, and the edge's own `priority`.
    @Test func allChangesGoTogether() throws {
        let text = #"{"priority":7,"stream":true,"priority":8,"model":"demo","priority":9}"#
        let body = RequestBody(text)
        let splice = BodySplice(
            try scanner.scanRequest(body),
            length: body.count,
            dialect: .openAIChat,
            executorModel: "big",
            asksForUsage: true,
            priority: 10
        )
        let sent = InferenceTests.text(splice.bytes(of: body))
        let (usage, priority) = (#""stream_options":{"include_usage":true},"#, #""priority":10,"#)
        let rest = #""stream":true,"model":"big"}"#
        #expect(sent == "{" + usage + priority + rest || sent == "{" + priority + usage + rest)
        let without = try #require(splice.withoutUsage)
        #expect(InferenceTests.text(without.bytes(of: body)) == "{" + priority + rest)
    }

    /// The edge remembers at most 8 byte ranges to cut out of a body, so a body with more separate `priority` members
    /// is refused.
    @Test func tooManyOfThemAreRefused() throws {
        func body(_ count: Int) -> String {
            #"{"model":"m""# + (0..<count).map { #","priority":\#($0),"k\#($0)":1"# }.joined() + "}"
        }
        #expect(!(try sent(body(8)).contains("priority")))
        #expect(throws: RequestScanError.duplicate("priority")) { try sent(body(9)) }
        let many = #"{"model":"m""# + String(repeating: #","priority":1"#, count: 1000) + "}"
        #expect(try sent(many) == #"{"model":"m"}"#)
    }
}
