// What HTTP/1.1 does when it cannot or shall not go on: upgrades to HTTP/2, and refusals.
internal import Transport

extension HTTP1ServerSession {
    // MARK: Upgrade to h2c (RFC 7540 section 3.2; RFC 9113 keeps it for those who have it)

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

    // MARK: Refusing

    private static let bodyViolation: StaticString = "HTTP/1.1: the request body broke the protocol"

    /// A request that breaks the rules: answered, and the connection closes.
    ///
    /// - Parameter isHEAD: whether its method is HEAD, whose answer has no content (RFC 9110 section 9.3.2).
    func refuse(status: Int, message: String, isHEAD: Bool = false) {
        let stream = HTTP1ServerStream(server: self, connection: connection, head: nil, isHEAD: isHEAD)
        stream.keepAlive = false
        self.stream = stream
        state = .closing
        connection.delegate.refusal(status: status, message: message, on: stream)
    }

    /// The body of a request breaks the rules.
    ///
    /// If nothing has been said yet the answer says so.
    func failBody(status: Int, message: String) {
        guard let stream else { return }
        state = .closing
        stream.keepAlive = false
        if !stream.isHeadSent {
            if stream.handler?.requestBroke(status: status, message: message) == true { return }
            let handler = stream.handler
            stream.handler = nil
            handler?.clientLeft(.violation(Self.bodyViolation))
            connection.delegate.refusal(status: status, message: message, on: stream)
        } else if !stream.isFinished {
            // In the midst of an answer. One that is whole goes out, and `drained` ends the connection.
            let handler = stream.handler
            stream.handler = nil
            handler?.clientLeft(.violation(Self.bodyViolation))
            abort(stream)
        }
    }
}
