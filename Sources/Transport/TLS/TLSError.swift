// Errors of TLS, with the messages of OpenSSL.

internal import COpenSSL

/// A failure of TLS: of a file, of our own settings, or of a peer.
package struct TLSError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    package enum Kind: Equatable, Sendable {
        /// A certificate or key file that cannot be read, written or used; `file` names it.
        case file
        /// The private key in `file` does not belong to its certificate chain.
        case keyMismatch
        /// Settings that cannot work, such as a listener without certificates.
        case configuration
        /// The handshake failed; the alert that says so, if one is due, is in the wire's output.
        case handshake
        /// The peer's first bytes were an HTTP request in clear.
        case plainHTTP
        /// The peer's first bytes were a header of the PROXY protocol.
        case proxyHeader
        /// The peer's certificate did not verify.
        case verification
        /// A record after the handshake could not be decrypted, or broke the protocol.
        case record
        /// The peer sent KeyUpdate messages without end.
        case keyUpdateFlood
    }

    package let kind: Kind
    /// The reason in words, which follow the name of the file if there is one.
    package let reason: String
    /// The path of the file at fault; nil if no file is.
    package let file: String?

    package init(_ kind: Kind, _ reason: String, file: String? = nil) {
        self.kind = kind
        self.reason = reason
        self.file = file
    }

    /// Whether the peer and we have no application protocol in common (RFC 7301 section 3.2).
    package var isNoCommonProtocol: Bool { kind == .handshake && reason.contains("no application protocol") }

    package var description: String {
        guard let file else { return reason }
        return "\(file): \(reason)"
    }

    /// Takes all errors from this thread's OpenSSL error queue; `fallback` is the reason when the queue is empty.
    package static func fromQueue(_ kind: Kind, file: String? = nil, fallback: String = "TLS failed") -> TLSError {
        var reasons: [String] = []
        var kind = kind
        while true {
            let code = ERR_get_error()
            guard code != 0 else { break }
            if kind == .handshake, ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST { kind = .plainHTTP }
            let reason = unsafe String(cString: copenssl_ERR_reason(code))
            if !reasons.contains(reason), reasons.count < 3 { reasons.append(reason) }
        }
        return TLSError(kind, reasons.isEmpty ? fallback : reasons.joined(separator: ": "), file: file)
    }

    /// Why OpenSSL refuses to serve with a certificate that it could read; empties this thread's error queue.
    static func refused(_ files: CertificateFiles) -> TLSError {
        let error = fromQueue(.file, file: files.chain, fallback: "cannot be served with")
        let words =
            switch error.reason {
            case "ee key too small": "has a key that is too small: RSA wants 2048 bits, elliptic curves 224"
            case "ca key too small": "has an issuer whose key is too small: RSA wants 2048 bits"
            case "ca md too weak": "has a certificate signed with SHA-1 or MD5, which clients refuse"
            case "unknown certificate type": "has a kind of key that TLS does not serve with"
            default: "cannot be served with: \(error.reason)"
            }
        return TLSError(.file, words, file: files.chain)
    }
}
