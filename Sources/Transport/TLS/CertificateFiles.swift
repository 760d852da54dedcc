// Where a certificate and its private key are on disk, as the configuration names them.

/// Where a certificate chain (leaf first) and its private key are, both PEM.
package struct CertificateFiles: Equatable, Hashable, Sendable {
    /// The path of the certificate chain.
    package let chain: String
    /// The path of the private key.
    package let key: String

    package init(chain: String, key: String) {
        self.chain = chain
        self.key = key
    }
}
