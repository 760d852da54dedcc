// The part of the HTTP/1.1 session in the upgrade of a connection in clear from HTTP/1.1 to HTTP/2.
internal import Transport

/// The upgrade of RFC 7540 section 3.2, which RFC 9113 has dropped and old clients still ask for.
extension HTTP1ServerSession {
    /// Whether a request is upgraded.
    ///
    /// If so, the session reads its body first.
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

    /// Queues response bytes.
    func write(_ bytes: [UInt8]) {
        output.append(bytes)
        chargeOutput()
        channel.mark()
    }

    /// The request to upgrade has been read whole: HTTP/2 begins, and this session ends.
    ///
    /// - Parameter rest: bytes that arrived behind the request.
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
