// Why TLS handshakes of clients fail, as a closed list: metrics count them.

package enum HandshakeFailure: String, CaseIterable, Sendable {
    /// The handshake was not over within its time.
    case timeout
    /// The client closed the connection before the handshake had ended.
    case closed
    /// The first bytes were a request of HTTP in clear.
    case plainHTTP = "plain_http"
    /// The first bytes were no TLS at all.
    case notTLS = "not_tls"
    /// Client and server have no version of TLS in common, or no cipher, group or kind of signature.
    case noSharedVersion = "no_shared_version"
    case noSharedCipher = "no_shared_cipher"
    /// They have no protocol of ALPN in common.
    case noSharedProtocol = "no_shared_protocol"
    /// The client sent an alert: it does not trust our certificate, or takes it for another server's.
    case refusedByClient = "refused_by_client"
    case other

    package init(_ error: TLSError) {
        func says(_ words: String...) -> Bool { words.contains { error.reason.contains($0) } }
        if error.kind == .plainHTTP {
            self = .plainHTTP
        } else if error.kind == .proxyHeader {
            self = .notTLS
        } else if error.isNoCommonProtocol {
            self = .noSharedProtocol
        } else if says(" alert ") {
            self = says("alert protocol version") ? .noSharedVersion : .refusedByClient
        } else if says("wrong version number", "unexpected message", "bad packet length", "packet length too long") {
            self = .notTLS
        } else if says("unsupported protocol", "version too low", "no protocols available", "unknown protocol") {
            self = .noSharedVersion
        } else if says("no shared cipher", "no suitable", "no shared", "unsupported elliptic curve") {
            self = .noSharedCipher
        } else {
            self = .other
        }
    }

    /// Its place among all cases.
    package var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
