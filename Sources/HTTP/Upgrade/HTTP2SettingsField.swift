// The request fields that ask for an upgrade from HTTP/1.1 to HTTP/2 without TLS (RFC 7540 section 3.2).

/// Parses the request fields of an upgrade; `HTTP1ServerSession` decides whether to upgrade.
package enum HTTP2SettingsField {
    /// The largest number of settings in one field, which equals nghttp2's limit for one SETTINGS frame.
    static let maxSettings = 32
    private static let settingBytes = 6

    /// Decodes the value of `http2-settings`: the payload of a SETTINGS frame as base64url without padding.
    ///
    /// - Returns: the payload; nil if the value is malformed, and the session then ignores the request to upgrade.
    package static func decode(_ value: some Collection<UInt8>) -> [UInt8]? {
        // A setting has six bytes, which base64 encodes as exactly eight characters.
        guard value.count % 8 == 0, value.count <= maxSettings * 8 else { return nil }
        var payload: [UInt8] = []
        payload.reserveCapacity(value.count / 8 * settingBytes)
        var bits: UInt32 = 0
        var pending = 0
        for character in value {
            guard let sextet = sextet(character) else { return nil }
            bits = bits << 6 | sextet
            pending += 1
            guard pending == 4 else { continue }
            payload.append(UInt8(truncatingIfNeeded: bits >> 16))
            payload.append(UInt8(truncatingIfNeeded: bits >> 8))
            payload.append(UInt8(truncatingIfNeeded: bits))
            pending = 0
        }
        return areValid(payload) ? payload : nil
    }

    /// Whether RFC 9113 section 6.5.2 allows the values of the settings.
    ///
    /// An invalid value would end the connection right after the upgrade.
    private static func areValid(_ payload: [UInt8]) -> Bool {
        for start in stride(from: 0, to: payload.count, by: settingBytes) {
            let id = Int(payload[start]) << 8 | Int(payload[start + 1])
            let value = payload[start + 2..<start + settingBytes].reduce(0) { $0 << 8 | Int($1) }
            switch id {
            case 2, 8, 9: if value > 1 { return false }
            case 4: if value > 0x7fff_ffff { return false }
            case 5: if !(16_384...16_777_215).contains(value) { return false }
            default: break
            }
        }
        return true
    }

    private static func sextet(_ character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character) - 65
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character) - 71
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character) + 4
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: nil
        }
    }

    /// Whether the request asks for an upgrade to HTTP/2.
    ///
    /// The settings are checked separately, by `decode`.
    package static func isH2CUpgrade(_ head: RequestHead) -> Bool {
        let fields = head.fields
        return head.version == .http11
            && fields.occurrences(of: .upgrade) == 1 && fields.lists(.upgrade, "h2c")
            && fields.occurrences(of: .http2Settings) == 1
            && fields.lists(.connection, "upgrade") && fields.lists(.connection, "http2-settings")
    }
}
