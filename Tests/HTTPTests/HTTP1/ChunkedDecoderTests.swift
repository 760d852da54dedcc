// Which chunked bodies the decoder accepts, and which it refuses.

import HTTP
import Testing

@Suite("ChunkedDecoder") struct ChunkedDecoderTests {
    private func kind(_ text: String) -> HTTP1Error.Kind? {
        guard case .failed(let kind) = decode(text).ending else { return nil }
        return kind
    }

    /// Decodes once.
    ///
    /// `#expect` cannot hold a `Span`, so the call is in a function.
    private func step(_ decoder: inout ChunkedDecoder, _ bytes: ArraySlice<UInt8>) -> ChunkedDecoder.Step {
        decoder.decode(bytes.span)
    }

    @Test("chunks are data, and the last one ends the body") func plain() {
        let body = "5\r\nhello\r\n1\r\n \r\n00A\r\n0123456789\r\n0\r\n\r\n"
        let decoded = decode(body + "GET / HTTP/1.1")
        #expect(decoded.text == "hello 0123456789")
        #expect(decoded.ending == .complete)
        #expect(decoded.consumed == body.utf8.count)
    }

    @Test("a whole chunk in one read is one range, and nothing of it is kept back") func wholeChunk() {
        var decoder = ChunkedDecoder()
        let payload = String(repeating: "x", count: 210)
        let chunk = Array("d2\r\n\(payload)\r\n".utf8)
        for _ in 0..<3 {
            #expect(step(&decoder, chunk[...]) == .data(4..<214))
            #expect(step(&decoder, chunk[214..<216]) == .needsMore(consumed: 2))
        }
        #expect(step(&decoder, HTTP1Writer.lastChunk[...]) == .end(consumed: 5))
        #expect(decoder.isComplete)
    }

    @Test("several chunks in one read follow one another") func severalChunks() {
        let bytes = Array("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n".utf8)
        var decoder = ChunkedDecoder()
        #expect(step(&decoder, bytes[...]) == .data(3..<4))
        #expect(step(&decoder, bytes[4..<bytes.count]) == .data(5..<7))
        #expect(step(&decoder, bytes[11..<bytes.count]) == .end(consumed: 7))
    }

    @Test("data of a chunk that is not all here comes at once") func partialChunk() {
        var decoder = ChunkedDecoder()
        #expect(step(&decoder, Array("a\r\nabc".utf8)[...]) == .data(3..<6))
        #expect(step(&decoder, Array("defg".utf8)[...]) == .data(0..<4))
        #expect(step(&decoder, Array("hij\r".utf8)[...]) == .data(0..<3))
        #expect(step(&decoder, Array("\r".utf8)[...]) == .needsMore(consumed: 1))
        #expect(step(&decoder, Array("\n0\r\n\r\n".utf8)[...]) == .end(consumed: 6))
        #expect(step(&decoder, Array("x".utf8)[...]) == .end(consumed: 0))
    }

    @Test("an empty span is no progress and no error") func empty() {
        var decoder = ChunkedDecoder()
        #expect(step(&decoder, []) == .needsMore(consumed: 0))
        _ = step(&decoder, Array("a\r\nabc".utf8)[...])
        #expect(step(&decoder, []) == .needsMore(consumed: 0))
    }

    @Test("a size has up to 16 hexadecimal digits and fits an Int") func sizes() {
        #expect(decode("000000000000000a\r\n0123456789\r\n0\r\n\r\n").text == "0123456789")
        #expect(decode("0000000000000000\r\n\r\n").ending == .complete)
        #expect(decode("7fffffffffffffff\r\nabc").text == "abc")
        #expect(decode("7FFFFFFFFFFFFFFF\r\nabc").ending == .open)
        #expect(kind("8000000000000000\r\n") == .malformedChunkSize)
        #expect(kind("ffffffffffffffff\r\n") == .malformedChunkSize)
        #expect(kind("00000000000000001\r\na") == .malformedChunkSize)
    }

    @Test(
        "a size with anything beside it is refused",
        arguments: [
            "\r\n", " 5\r\nhello", "5 \r\nhello", "\t5\r\n", "0x5\r\nhello", "+5\r\nhello", "-5\r\n", "5h\r\n", "g\r\n",
            "5\n",
            "5\rhello", "5\r\r\n", "5,5\r\n", "5_0\r\n", "\n5\r\n", "\u{00}5\r\n", "5\u{0b}\r\n", "1\r\na\r\n\r\n",
        ]
    ) func badSizes(text: String) {
        #expect(kind(text) == .malformedChunkSize)
    }

    @Test(
        "a chunk's data ends in CRLF and nothing else",
        arguments: [
            "5\r\nhelloX\r\n", "5\r\nhello\n", "5\r\nhello\rX", "5\r\nhello!\r\n0\r\n\r\n", "5\r\nhello\r\r\n",
            "5\r\nhello0\r\n\r\n",
        ]
    ) func chunkEnds(text: String) {
        #expect(kind(text) == .malformedChunkEnd)
    }

    @Test(
        "well-formed extensions are passed over",
        arguments: [
            "5;a", "5;a=b", "5;a=b;c;d=e", "5;a=\"b c\"", "5;a=\"b;c\\\"d\";e", "5;a=\"\"", "5;a=\"caf\u{e9}\"",
        ]
    ) func extensions(line: String) {
        let decoded = decode("\(line)\r\nhello\r\n0;x=y\r\n\r\n")
        #expect(decoded.text == "hello")
        #expect(decoded.ending == .complete)
    }

    @Test(
        "malformed extensions are refused",
        arguments: [
            "5;\r\nhello", "5;;\r\n", "5;=a\r\n", "5;a=\r\n", "5;a=;b\r\n", "5;a=b=c\r\n", "5; a\r\n", "5;a \r\n",
            "5;a\n",
            "5;a=\"b\r\n", "5;a=\"b\nc\"\r\n", "5;a=\"b\"c\r\n", "5;a=\"b\\\r\n", "5;a\u{00}\r\n", "5;a=b\"\r\n",
            "5;a=\"b\"\"c\"\r\n",
            "0;\r\n\r\n", "5;a,b\r\n", "5;a=\"\u{7f}\"\r\n",
        ]
    ) func badExtensions(text: String) {
        #expect(kind(text) == .malformedChunkExtension)
    }

    @Test("extensions are bounded over the whole body") func extensionBytes() {
        let most = String(repeating: "a", count: 255)
        #expect(decode("1;\(most)\r\nx\r\n0\r\n\r\n").ending == .complete)
        #expect(kind("1;\(most)a\r\nx\r\n") == .chunkExtensionsTooLong)
        #expect(kind("1;\(most)\r\nx\r\n1;a\r\nx\r\n") == .chunkExtensionsTooLong)
        #expect(kind("1;a=\"" + String(repeating: "a", count: 500)) == .chunkExtensionsTooLong)
        #expect(kind("1" + String(repeating: ";a", count: 500)) == .chunkExtensionsTooLong)
    }

    @Test("trailers are validated and dropped") func trailers() {
        let body = "0\r\nX-Checksum: abc\r\nx-empty:\r\nX-Tab:\ta\tb \r\n\r\n"
        let decoded = decode(body + "rest")
        #expect(decoded.ending == .complete)
        #expect(decoded.data.isEmpty)
        #expect(decoded.consumed == body.utf8.count)
    }

    @Test(
        "malformed trailers are refused",
        arguments: [
            "X", ": a", "X : a", " X: a", "X: a\r\n b", "X: a\n", "X: a\rb", "X: \u{00}", "X: a\u{7f}", "X\u{e9}: a",
            "\n", "\rX",
        ]
    ) func badTrailers(text: String) {
        #expect(kind("0\r\n\(text)\r\n\r\n") == .malformedTrailer)
    }

    @Test(
        "a trailer cannot frame, route or authorize",
        arguments: [
            "Content-Length: 5", "transfer-encoding: chunked", "HOST: a", "Authorization: Bearer x", "Trailer: x",
            "host:",
        ]
    ) func forbiddenTrailers(line: String) {
        #expect(kind("0\r\n\(line)\r\n\r\n") == .forbiddenTrailer)
        #expect(kind("0\r\nX: y\r\n\(line)\r\n\r\n") == .forbiddenTrailer)
    }

    @Test("trailers are bounded in number and bytes") func trailerLimits() {
        #expect(decode("0\r\n" + String(repeating: "X: y\r\n", count: 32) + "\r\n").ending == .complete)
        #expect(kind("0\r\n" + String(repeating: "X: y\r\n", count: 33) + "\r\n") == .trailersTooLarge)
        #expect(kind("0\r\nX: " + String(repeating: "y", count: 9000)) == .trailersTooLarge)
        #expect(kind("0\r\n" + String(repeating: "y", count: 9000)) == .trailersTooLarge)
    }

    @Test("a decoder that has failed stays failed") func failureStays() {
        var decoder = ChunkedDecoder()
        #expect(step(&decoder, Array("x".utf8)[...]) == .failed(HTTP1Error(.malformedChunkSize)))
        #expect(step(&decoder, Array("1\r\na\r\n".utf8)[...]) == .failed(HTTP1Error(.malformedChunkSize)))
        #expect(!decoder.isComplete)
    }
}
