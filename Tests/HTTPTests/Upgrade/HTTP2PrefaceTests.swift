// HTTP/2 with prior knowledge is recognised by the first bytes of a connection.

import HTTP
import Testing

@Suite("HTTP2Preface") struct HTTP2PrefaceTests {
    private func detect(_ bytes: ArraySlice<UInt8>) -> HTTP2Preface.Verdict { HTTP2Preface.detect(bytes.span) }

    @Test("the preface is HTTP/2 once it is complete") func preface() {
        let bytes = HTTP2Preface.bytes + [0, 0, 0]
        for count in 0..<24 { #expect(detect(bytes[..<count]) == .undecided) }
        for count in 24...27 { #expect(detect(bytes[..<count]) == .http2) }
    }

    @Test("anything else is HTTP/1 from the first byte that differs") func other() {
        for text in ["G", "POST", "PU", "PRI * HTTP/1.1", "\r\nPRI", "PRI * HTTP/2.0\r\n\r\nSN", "\u{16}"] {
            #expect(detect(Array(text.utf8)[...]) == .http1)
        }
        #expect(detect(Array("P".utf8)[...]) == .undecided)
    }
}
