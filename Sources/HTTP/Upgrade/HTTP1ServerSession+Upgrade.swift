// The upgrade of a connection in clear from HTTP/1.1 to HTTP/2, as far as the HTTP/1.1 session does it.
internal import Transport

extension HTTP1ServerSession {
    func wantsUpgrade(_ head: RequestHead) -> Bool {
        guard connection.settings.upgradesToHTTP2, !connection.isSecure, !isDraining,
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

    func write(_ bytes: [UInt8]) {
        output.append(bytes)
        chargeOutput()
        channel.mark()
    }

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
