// The parser of complete JSON values.
import Testing

@testable import Inference

@Suite struct JSONValueTests {
    private func parse(_ text: String) -> JSONValue? { JSONValue(parsing: Array(text.utf8)) }

    @Test func readsEveryKindOfValue() {
        let value = parse(#" {"a":[1,-2.5,1e3,true,false,null],"b":{"c":"x"},"e":{},"f":[]} "#)
        #expect(value?["a"] == .array([.integer(1), .double(-2.5), .double(1000), .bool(true), .bool(false), .null]))
        #expect(value?["b"]?["c"]?.string == "x")
        #expect(value?["e"] == .object([]))
        #expect(value?["f"] == .array([]))
        #expect(value?["nothing"] == nil)
        #expect(parse("3.0")?.integer == 3)
        #expect(parse("12345678901234567890")?.double == 12_345_678_901_234_567_168)
    }

    @Test func readsEscapes() {
        #expect(parse(#""\"\\\/\b\f\n\r\t\u00e9""#)?.string == "\"\\/\u{8}\u{C}\n\r\té")
        #expect(parse(#""\ud83d\ude42""#)?.string == "🙂")
        #expect(parse(#""\ud83dx""#)?.string == "\u{FFFD}x")
        #expect(parse(#""\ude42""#)?.string == "\u{FFFD}")
    }

    @Test(arguments: [
        "", " ", "{", "[", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "[1 2]", "01", "-", "1.", "1e", "+1",
        "tru",
        "\"", "\"\\x\"", "\"\\u12\"", "\"\n\"", "1 1", "nullx", "]",
    ])
    func refusesWhatIsNoJSON(_ text: String) { #expect(parse(text) == nil) }

    @Test func refusesBytesThatAreNoUTF8() { #expect(JSONValue(parsing: [0x22, 0xFF, 0x22]) == nil) }

    @Test func boundsDepth() {
        #expect(parse(String(repeating: "[", count: 200) + String(repeating: "]", count: 200)) != nil)
        #expect(parse(String(repeating: "[", count: 100_000)) == nil)
        #expect(parse(String(repeating: "{\"a\":", count: 100_000)) == nil)
    }
}
