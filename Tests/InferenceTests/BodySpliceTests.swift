// What an attempt sends: the client's body, except for the byte ranges that are replaced.

import Inference
import Testing

@Suite struct BodySpliceTests {
    let scanner = JSONScanner()

    func splice(
        _ text: String,
        dialect: Dialect = .openAIChat,
        as model: String = "m",
        asks: Bool = true
    ) throws -> (text: String, splice: BodySplice) {
        let body = RequestBody(text)
        let scan = try scanner.scanRequest(body, dialect: dialect)
        let splice = BodySplice(
            scan,
            length: body.count,
            dialect: dialect,
            executorModel: model,
            asksForUsage: asks
        )
        #expect(splice.count == splice.bytes(of: body).count)
        return (InferenceTests.text(splice.bytes(of: body)), splice)
    }

    @Test func leavesABodyAloneThatNeedsNothing() throws {
        let body = #"{"model":"m", "stream":false }"#
        let found = try splice(body)
        #expect(found.text == body)
        #expect(found.splice == BodySplice(unchanged: body.utf8.count))
        #expect(!found.splice.removesUsage)
    }

    @Test func namesTheExecutorsModel() throws {
        #expect(try splice(#"{"model":"m","a":1}"#, as: #"Qwen/"x""#).text == #"{"model":"Qwen/\"x\"","a":1}"#)
    }

    /// `String` considers the two names equal, because U+212A (Kelvin sign) is canonically equivalent to `K`.
    @Test func aNameThatIsOnlyEquivalentToTheExecutorsIsReplaced() throws {
        #expect(try splice("{\"model\":\"Kimi-\u{212A}2\"}", as: "Kimi-K2").text == #"{"model":"Kimi-K2"}"#)
    }

    @Test(arguments: [
        (#" {"model":"m","stream":true}"#, #" {"stream_options":{"include_usage":true},"model":"m","stream":true}"#),
        (
            #"{"model":"m","stream":true,"stream_options":null}"#,
            #"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#
        ),
        (
            #"{"stream_options": { },"model":"m","stream":true}"#,
            #"{"stream_options": {"include_usage":true },"model":"m","stream":true}"#
        ),
        (
            #"{"stream_options":{"x":{}},"model":"m","stream":true}"#,
            #"{"stream_options":{"include_usage":true,"x":{}},"model":"m","stream":true}"#
        ),
        (
            #"{"stream_options":{"include_usage" : false , "x":1},"model":"m","stream":true}"#,
            #"{"stream_options":{"include_usage" : true , "x":1},"model":"m","stream":true}"#
        ),
        (
            #"{"stream_options":{"include_usage":null},"model":"m","stream":true}"#,
            #"{"stream_options":{"include_usage":true},"model":"m","stream":true}"#
        ),
    ]) func asksForUsage(body: String, expected: String) throws {
        let found = try splice(body)
        #expect(found.text == expected)
        #expect(found.splice.removesUsage)
        // A second scan of the result finds `include_usage`.
        let again = RequestBody(found.text)
        guard case .object(_, false, .yes) = try scanner.scanRequest(again).streamOptions else {
            Issue.record("not asked for in \(found.text)")
            return
        }
    }

    @Test func doesNotAskWhereItMustNot() throws {
        let streamed = #"{"model":"m","stream":true}"#
        #expect(try splice(streamed, asks: false).text == streamed)
        #expect(try splice(streamed, dialect: .responses).text == streamed)
        #expect(try splice(streamed, dialect: .messages).text == streamed)
        #expect(try splice(#"{"model":"m"}"#).text == #"{"model":"m"}"#)
        let asked = #"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#
        #expect(try splice(asked).text == asked)
        #expect(try !splice(asked).splice.removesUsage)
    }

    @Test func splicesBothInEitherOrder() throws {
        let one = try splice(#"{"model":"m","stream":true,"stream_options":{"include_usage":false}}"#, as: "long name")
        #expect(one.text == #"{"model":"long name","stream":true,"stream_options":{"include_usage":true}}"#)
        let other = try splice(#"{"stream_options":{"include_usage":false},"stream":true,"model":"m"}"#, as: "")
        #expect(other.text == #"{"stream_options":{"include_usage":true},"stream":true,"model":""}"#)
    }

    @Test func copiesInStepsOfAnySize() throws {
        let body = RequestBody(#"{"model":"m","stream":true,"messages":[]}"#)
        let scan = try scanner.scanRequest(body)
        let splice = BodySplice(
            scan,
            length: body.count,
            dialect: .completions,
            executorModel: "other",
            asksForUsage: true
        )
        let whole = splice.bytes(of: body)
        for size in 1...whole.count + 1 {
            var pulled: [UInt8] = []
            while true {
                let step = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
                    filled = splice.copy(
                        from: body,
                        offset: pulled.count,
                        into: UnsafeMutableRawBufferPointer(buffer)
                    )
                }
                if step.isEmpty { break }
                pulled += step
            }
            #expect(pulled == whole)
        }
    }
}
