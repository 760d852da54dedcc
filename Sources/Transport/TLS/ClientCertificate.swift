// The name and the fingerprint of a client's TLS certificate, as they appear in the log.

internal import COpenSSL

/// The subject and the fingerprint of a client's certificate, which OpenSSL has verified.
package struct ClientCertificate: Equatable, Sendable {
    /// The subject in the form of RFC 2253, in printable ASCII; cut after 256 bytes.
    package let subject: String
    /// The SHA-256 hash of the certificate, as 64 hexadecimal digits in lower case.
    package let fingerprint: String

    package init(subject: String, fingerprint: String) {
        self.subject = subject
        self.fingerprint = fingerprint
    }
}

extension Certificate {
    /// The maximum length of a subject in bytes; the rest of a longer subject is cut off.
    private static let subjectBytesMax = 256

    /// Whether the certificate may sign other certificates.
    var isAuthority: Bool {
        let answer = unsafe X509_check_ca(raw)
        ERR_clear_error()
        return answer > 0
    }

    /// The subject in the form of RFC 2253, in printable ASCII; cut after 256 bytes.
    var subject: String {
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.subjectBytesMax) { text in
            let length = unsafe copenssl_X509_subject(raw, text.baseAddress, CInt(text.count))
            ERR_clear_error()
            return unsafe String(decoding: text.prefix(Int(max(0, length))), as: UTF8.self)
        }
    }

    /// The SHA-256 hash of the certificate.
    var fingerprint: [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        var length: CUnsignedInt = 0
        let isMade = unsafe X509_digest(raw, EVP_sha256(), &digest, &length)
        precondition(isMade == 1 && length == 32, "OpenSSL without SHA-256")
        return digest
    }
}

extension TLSConnection {
    /// The certificate that the client has presented; nil if it has presented none or was not asked for one.
    ///
    /// During the handshake the result is nil, because the certificate is not verified yet.
    package var clientCertificate: ClientCertificate? {
        guard isEstablished, let certificate = peerCertificate else { return nil }
        return ClientCertificate(
            subject: certificate.subject,
            fingerprint: Hexadecimal.text(certificate.fingerprint)
        )
    }
}
