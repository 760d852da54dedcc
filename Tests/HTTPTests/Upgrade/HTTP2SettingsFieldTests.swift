// The `HTTP2-Settings` and `Upgrade` fields of a request to upgrade from HTTP/1.1.

import HTTP
import Testing

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
