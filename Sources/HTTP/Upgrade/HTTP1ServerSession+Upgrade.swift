// How the HTTP/1.1 session upgrades a connection without TLS to HTTP/2 (`Upgrade: h2c`).
internal import Transport

/// The upgrade from HTTP/1.1 to HTTP/2 (RFC 7540 section 3.2).
///
/// RFC 9113 has removed it, but old clients still ask for it.
extension HTTP1ServerSession {
    /// Whether the session upgrades the connection to HTTP/2, because this request asks for it.
    ///
    /// If so, the session first reads the whole request body.
    func wantsUpgrade(_ head: RequestHead) -> Bool {
        guard connection.settings.upgradesToHTTP2, !connection.isSecure, draining == nil,
            HTTP2SettingsField.isH2CUpgrade(head), let value = head.fields.first(.http2Settings),
            let payload = HTTP2SettingsField.decode(value)
        else { return false }
        let length: Int
        switch head.body {
        case .none: length = 0
        case .known(let bytes) where bytes <= Self.upgradeBodyMax: length = bytes
        default: return false
        }
        upgrading = UpgradedRequest(head: head, body: [], settings: payload)
        state = .upgradeBody(left: length)
        connection.setDeadline(channel.loop.now + connection.settings.headerTimeout)
        if head.expectsContinue, length > 0 { write(HTTP1Writer.continueResponse) }
        return true
    }

    /// Queues response bytes for the client.
    func write(_ bytes: [UInt8]) {
        output.append(bytes)
        chargeOutput()
        channel.mark()
    }

    /// Passes the connection to a new HTTP/2 session, after the whole request has been read.
    ///
    /// - Parameter rest: the bytes that arrived after the request.
    func upgrade(rest: Span<UInt8>) {
        guard var request = upgrading else { return }
        upgrading = nil
        state = .closing
        output.append(HTTP1Writer.switchingToH2C)
        while !output.isEmpty {
            _ = unsafe output.consumeFirst { bytes in
                unsafe request.preamble.append(contentsOf: bytes)
                return bytes.count
            }
        }
        outputCharge.set(0, on: connection.account)
        connection.upgrade(request, rest: rest)
    }
}
