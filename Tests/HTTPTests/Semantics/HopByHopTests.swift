// Which header fields apply to one connection only, and are therefore never forwarded.

import HTTP
import Testing

@Suite("HopByHop") struct HopByHopTests {
    @Test("names that are about one connection, and those that the connection field lists") func names() throws {
        let fields = try head(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Mine, keep-alive\r\nX-Mine: 1\r\nX-Other: 1\r\nTE: trailers\r\n"
                + "Keep-Alive: 5\r\nUpgrade: x\r\nProxy-Connection: x\r\nTrailer: x\r\nHTTP2-Settings: x\r\nAccept: x\r\n\r\n"
        ).fields
        let hopByHop = HopByHop(of: fields)
        let kept = (0..<fields.count).filter { !hopByHop.contains($0, in: fields) }
        #expect(kept.map { String(decoding: fields.name($0), as: UTF8.self) } == ["host", "x-other", "accept"])
    }

    @Test("by name alone") func known() {
        #expect(isHopByHop(.transferEncoding))
        #expect(isHopByHop(.connection))
        #expect(!isHopByHop(.contentLength))
        #expect(!isHopByHop(.other))
    }
}
