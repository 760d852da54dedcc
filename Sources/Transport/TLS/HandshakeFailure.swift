// Why TLS handshakes of clients fail: a fixed list of causes, for metrics.

/// The cause of a failed TLS handshake; the raw value is the `cause` label in the metrics.
package enum HandshakeFailure: String, CaseIterable, Sendable {
    /// The handshake did not complete in time.
    case timeout
    /// The client closed the connection before the handshake was complete.
    case closed
    /// The handshake had to wait, but the queue of waiting handshakes (`HandshakeQueue`) was full.
    case noRoom = "no_room"
    /// The first bytes were an HTTP request without TLS.
    case plainHTTP = "plain_http"
    /// The first bytes were neither TLS nor an HTTP request; they were, for example, a PROXY protocol header.
    case notTLS = "not_tls"
    /// Client and server have no version of TLS in common.
    case noSharedVersion = "no_shared_version"
    /// Client and server have no cipher, group or signature algorithm in common.
    case noSharedCipher = "no_shared_cipher"
    /// Client and server have no ALPN protocol in common.
    case noSharedProtocol = "no_shared_protocol"
    /// The listener requires a client certificate, but the client presented none.
    case clientCertificateMissing = "client_certificate_missing"
    /// The client's certificate is not valid, for example because it has expired or another authority has issued it.
    case clientCertificateInvalid = "client_certificate_invalid"
    /// With `sni_strict`: no certificate has the server name that the client sent, or the client sent no server name.
    case unrecognizedName = "unrecognized_name"
    /// The client sent an alert, usually because it does not accept the server's certificate.
    case refusedByClient = "refused_by_client"
    case other

    /// Classifies an error by its kind and by the message of OpenSSL.
    package init(_ error: TLSError) {
        func says(_ words: String...) -> Bool { words.contains { error.reason.contains($0) } }
        if error.kind == .noRoom {
            self = .noRoom
        } else if error.kind == .plainHTTP {
            self = .plainHTTP
        } else if error.kind == .proxyHeader {
            self = .notTLS
        } else if error.kind == .clientCertificate {
            self = .clientCertificateInvalid
        } else if says("peer did not return a certificate") {
            self = .clientCertificateMissing
        } else if says("callback failed") {
            // OpenSSL reports this after the ClientHello callback (`chooseContextEarly`) has refused the server name.
            self = .unrecognizedName
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

    /// Whether the handshake failed because of the client's certificate, or because the client presented none.
    package var isOfClientCertificate: Bool { self == .clientCertificateMissing || self == .clientCertificateInvalid }

    /// The index of this cause in `allCases`, which is the index of its counter in the metrics.
    package var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
