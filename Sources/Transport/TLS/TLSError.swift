// Errors of TLS, with the messages of OpenSSL.

internal import COpenSSL

/// A TLS failure, caused by a file, by the server's own settings, or by a peer.
package struct TLSError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What has failed: a file, the settings, the handshake, a certificate or a record.
    package enum Kind: Equatable, Sendable {
        /// A certificate or key file cannot be read, written or used; `file` is its path.
        case file
        /// The private key in `file` does not belong to its certificate chain.
        case keyMismatch
        /// Settings that cannot work, such as a listener without certificates.
        case configuration
        /// The handshake failed.
        ///
        /// If TLS requires an alert to the peer, the alert is in `TLSWire.output`, the bytes to send.
        case handshake
        /// The peer's first bytes were an HTTP request without TLS.
        case plainHTTP
        /// The peer's first bytes were a PROXY protocol header.
        case proxyHeader
        /// The verification of a server's certificate failed.
        case verification
        /// The verification of a client's certificate failed.
        ///
        /// The alert that tells the client so is in `TLSWire.output`, the bytes to send.
        case clientCertificate
        /// The handshake had to wait, but the queue of waiting handshakes (`HandshakeQueue`) was full.
        case noRoom
        /// After the handshake, a record could not be decrypted or violated the protocol.
        case record
        /// The peer sent more KeyUpdate messages than `TLSConnection` allows.
        case keyUpdateFlood
    }

    package let kind: Kind
    /// A description of the failure.
    ///
    /// If `file` is set, the text is worded to follow the file's name, such as "holds no private key".
    package let reason: String
    /// The path of the faulty file; nil if the failure is not about a file.
    package let file: String?

    package init(_ kind: Kind, _ reason: String, file: String? = nil) {
        self.kind = kind
        self.reason = reason
        self.file = file
    }

    /// Whether client and server have no application protocol in common (RFC 7301 section 3.2).
    package var isNoCommonProtocol: Bool { kind == .handshake && reason.contains("no application protocol") }

    package var description: String {
        guard let file else { return reason }
        return "\(file): \(reason)"
    }

    /// Makes an error from all entries of this thread's OpenSSL error queue, and empties the queue.
    ///
    /// - Parameter fallback: the reason to use when the queue is empty.
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

    /// Makes the error for a certificate that OpenSSL can parse, but refuses to use in a server.
    ///
    /// Empties this thread's OpenSSL error queue.
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
