// `JSONDigest` keeps only the members of a JSON document that can hold an error, an end or token usage.
import Testing

@testable import Inference

@Suite struct JSONDigestTests {
    private func digest(_ text: String, piece: Int = .max) -> (kept: String, isWhole: Bool) {
        var digest = JSONDigest()
        let bytes = Array(text.utf8)
        var start = 0
        while start < bytes.count {
            let end = piece < bytes.count - start ? start + piece : bytes.count
            digest.take(Array(bytes[start..<end]).span)
            start = end
        }
        return (String(decoding: digest.kept, as: UTF8.self), digest.isWhole)
    }

    private static let documents = [
        (
            #"{"id":"x","usage":{"prompt_tokens":3,"a":[1,{}]},"data":[{"usage":1}]}"#,
            #"{"usage":{"prompt_tokens":3,"a":[1,{}]}}"#
        ),
        (
            #"{"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}"#,
            #"{"choices":[{"index":0,"finish_reason":"stop"}]}"#
        ),
        (
            #"{"response":{"output":[1],"status":"completed"},"type":"response.completed"}"#,
            #"{"response":{"status":"completed"},"type":"response.completed"}"#
        ),
        (#"{ "error" : { "message" : "a \" b" } , "x" : [ "]" ] }"#, #"{"error":{"message":"a \" b"}}"#),
        (#"[{"error":{"code":400}}]"#, #"[{"error":{"code":400}}]"#),
        // The formats in which Tencent and Azure report errors.
        (
            #"{"Response":{"RequestId":"x","Error":{"Code":"LimitExceeded"}}}"#,
            #"{"Response":{"Error":{"Code":"LimitExceeded"}}}"#
        ),
        (#"{"Error":{"message":"x"},"data":[1]}"#, #"{"Error":{"message":"x"}}"#),
        (#"{"us\u0061ge":1,"x":"\\"}"#, #"{"us\u0061ge":1}"#), ("{}", "{}"), ("{\"x\":[[],{\"error\":1}]}", "{}"),
    ]

    @Test(arguments: documents) func onlyWhatIsReadIsKept(text: String, kept: String) {
        #expect(digest(text) == (kept, true))
        for piece in [1, 2, 3, 7] { #expect(digest(text, piece: piece) == (kept, true), "in pieces of \(piece)") }
    }

    @Test(arguments: documents) func aDocumentIsWholeAtItsEndOnly(text: String, kept: String) {
        for count in 0..<text.utf8.count {
            let part = String(decoding: text.utf8.prefix(count), as: UTF8.self)
            #expect(!digest(part).isWhole, "\(part)")
        }
        #expect(digest(text + " \r\n\t").isWhole)
    }

    @Test(arguments: ["{}]", "{]", "[}", "{}{}", "{} 1", "1,2", "]", "{}\"\""]) func whatIsNoDocumentIsNotWhole(
        text: String
    ) {
        #expect(!digest(text).isWhole)
    }

    /// The digest has its own size limits, whatever the size of the document.
    @Test func whatIsKeptIsBounded() {
        let long = String(repeating: "é", count: 5000)
        let one = digest(#"{"error":{"message":"\#(long)"}}"#)
        #expect(one.isWhole && one.kept.utf8.count < JSONDigest.textLimit + 64 && !one.kept.contains("\u{FFFD}"))
        let many = digest(
            #"{"error":[\#([String](repeating: "\"xxxxxxxxxxxxxxxx\"", count: 5000).joined(separator: ","))]}"#
        )
        #expect(many.isWhole && many.kept.utf8.count <= JSONDigest.limit + JSONDigest.textLimit)
        let deep = String(repeating: "[", count: 10_000) + String(repeating: "]", count: 10_000)
        let nested = digest(#"{"error":\#(deep)}"#)
        #expect(nested.isWhole && nested.kept.utf8.count < 64)
        let key = String(repeating: "k", count: 10_000)
        #expect(digest(#"{"error":{"\#(key)":1,"a":2}}"#).kept == #"{"error":{"a":2}}"#)
    }
}
