// Percent escapes in paths and queries.
import Inference
import Testing

@Suite struct PercentEncodingTests {
    private func decoded(_ text: String) -> String {
        // The text stands between other digits, which must not be read as part of an escape.
        let bytes = Array("41\(text)41".utf8)
        return String(decoding: percentDecoded(bytes[2..<bytes.count - 2]), as: UTF8.self)
    }

    @Test(arguments: [
        ("", ""), ("/v1/models", "/v1/models"), ("%2F", "/"), ("%2f%41b", "/Ab"), ("%C3%A9", "é"), ("a%20b", "a b"),
        ("%00", "\0"),
    ])
    func eachEscapeIsAByte(text: String, plain: String) { #expect(decoded(text) == plain) }

    @Test(arguments: ["%", "%4", "a%", "%zz", "%4g", "%%", "100%", "% 41"])
    func whatIsNoEscapeStays(text: String) { #expect(decoded(text) == text) }

    /// A decoded character never becomes part of another escape.
    @Test func escapesAreDecodedOnce() {
        #expect(decoded("%2541") == "%41")
        #expect(decoded("%%34") == "%4")
    }
}
