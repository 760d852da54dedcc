// The certificate authorities that issue client certificates, for mutual TLS.

internal import COpenSSL

/// A file of certificate authorities, and whether clients must present a certificate that one of them has issued.
package struct ClientAuthorities: Equatable, Sendable {
    /// The path of the file.
    package let path: String
    /// The authorities' certificates as PEM text.
    package let contents: [UInt8]
    /// Whether a client without a certificate is refused.
    ///
    /// A client whose certificate is not valid is refused in any case.
    package let isRequired: Bool

    package init(path: String, contents: [UInt8], isRequired: Bool) {
        self.path = path
        self.contents = contents
        self.isRequired = isRequired
    }
}

/// The certificates of a file of authorities, parsed.
final class LoadedAuthorities {
    /// The certificates that may sign other certificates.
    let certificates = CertificateStack()
    /// The name and the validity dates of each certificate in `certificates`, in the same order.
    private(set) var facts: [CertificateFacts] = []
    /// The name of each certificate of the file that is left out, because it may not sign other certificates.
    private(set) var leftOut: [String] = []

    /// Parses a file.
    ///
    /// - Parameter contents: the contents of the file, if the caller has read them already; nil to read the file now.
    /// - Throws: an error that names the file and its fault, such as that no certificate of the file may sign others.
    init(_ path: String, contents: [UInt8]? = nil) throws(TLSError) {
        let chain = try LoadedChain(path, contents: contents)
        var index = 0
        chain.forEach { certificate in
            if certificate.isAuthority {
                certificates.append(certificate)
                facts.append(chain.facts[index])
            } else {
                leftOut.append(chain.facts[index].name)
            }
            index += 1
        }
        guard !facts.isEmpty else {
            throw TLSError(.file, "holds no certificate of an authority, which may sign others", file: path)
        }
    }
}

extension TLSContext {
    /// The maximum number of intermediate certificates between a client's certificate and an authority of the file.
    private static let intermediatesMax = 4
    /// The maximum total size, in bytes, of the certificates that a client sends.
    private static let certificatesBytesMax = 32 << 10

    /// Asks each client for a certificate that one of these authorities has issued.
    ///
    /// The context issues no session tickets, because OpenSSL does not verify the client's certificate again when a
    /// session is resumed. By then, the certificate may have expired, or its authority may have been removed.
    func verifyClients(_ authorities: LoadedAuthorities, isRequired: Bool) {
        let store = unsafe SSL_CTX_get_cert_store(raw)
        authorities.certificates.forEach { certificate in
            let isAdded =
                unsafe X509_STORE_add_cert(store, certificate.raw) == 1
                && SSL_CTX_add_client_CA(raw, certificate.raw) == 1
            precondition(isAdded, "out of memory")
        }
        let mode = SSL_VERIFY_PEER | (isRequired ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0)
        unsafe SSL_CTX_set_verify(raw, mode, nil)
        unsafe SSL_CTX_set_verify_depth(raw, CInt(Self.intermediatesMax))
        unsafe copenssl_SSL_CTX_set_max_cert_list(raw, Self.certificatesBytesMax)
        unsafe SSL_CTX_set_options(raw, copenssl_OP_NO_TICKET)
        unsafe SSL_CTX_set_num_tickets(raw, 0)
    }
}
