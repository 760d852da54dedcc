// How HTTP/2 is recognised on a cleartext connection, and which fields end at it.

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

@Suite("HTTP2SettingsField") struct HTTP2SettingsFieldTests {
    @Test("what curl sends is decoded") func curl() {
        #expect(
            HTTP2SettingsField.decode("AAMAAABkAAQCAAAAAAIAAAAA".utf8)
                == [0, 3, 0, 0, 0, 100, 0, 4, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0]
        )
        #expect(HTTP2SettingsField.decode("".utf8) == [])
        #expect(HTTP2SettingsField.decode("-_-_-_-_".utf8) == [251, 255, 191, 251, 255, 191])
    }

    @Test(
        "other alphabets, padding and broken settings are refused",
        arguments: [
            "AAMAAAB+", "AAMAAAB/", "AAMAAA==", "AAMAAAB", "AAMAAABkA", "AAMAAABkAAQC", "AAMA AABk", "AAMAAAB\u{e9}",
            "AAMAAAB,",
        ]
    ) func malformed(value: String) {
        #expect(HTTP2SettingsField.decode(value.utf8) == nil)
    }

    @Test("at most 32 settings") func count() {
        let setting = "AAMAAABk"
        #expect(HTTP2SettingsField.decode(String(repeating: setting, count: 32).utf8)?.count == 192)
        #expect(HTTP2SettingsField.decode(String(repeating: setting, count: 33).utf8) == nil)
    }

    @Test(
        "an upgrade to h2c needs its three fields",
        arguments: [
            ("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk", true),
            ("Connection: upgrade\r\nConnection: http2-settings\r\nUpgrade: websocket, H2C\r\nHTTP2-Settings:", true),
            ("Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk", false),
            ("Connection: HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk", false),
            ("Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk", false),
            ("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c", false),
            ("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2\r\nHTTP2-Settings: AAMAAABk", false),
            ("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk", false),
            (
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nHTTP2-Settings: AAMAAABk",
                false
            ),
            ("Connection: HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk", false),
        ]
    ) func upgrade(fields: String, expected: Bool) throws {
        let request = try head("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n")
        #expect(HTTP2SettingsField.isH2CUpgrade(request) == expected)
        let old = try head("GET / HTTP/1.0\r\nHost: a\r\n\(fields)\r\n\r\n")
        #expect(!HTTP2SettingsField.isH2CUpgrade(old))
    }
}

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
