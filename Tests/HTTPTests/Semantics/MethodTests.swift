// Tests how request methods are read; method names are case-sensitive.
import HTTP
import Testing

@Suite struct MethodTests {
    private static let all: [(String, HTTP.Method)] = [
        ("GET", .get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("DELETE", .delete), ("OPTIONS", .options),
        ("CONNECT", .connect), ("TRACE", .trace), ("PATCH", .patch),
    ]

    @Test(arguments: all) func aMethodIsKnownByItsText(text: String, method: HTTP.Method) {
        let bytes = Array(text.utf8)
        #expect(Method(bytes) == method && Method(bytes.span) == method && method.text == text)
    }

    @Test(arguments: ["get", "Post", "POSTS", "POS", "", "M-SEARCH"]) func othersKeepTheirText(text: String) {
        let bytes = Array(text.utf8)
        #expect(Method(bytes) == .other(text) && Method(bytes.span) == .other(text) && Method(bytes).text == text)
    }
}
