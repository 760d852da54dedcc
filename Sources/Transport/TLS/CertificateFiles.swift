// The paths of a certificate file and of its private key file, as the configuration names them.

/// The paths of a certificate chain (leaf first) and of its private key; both files are PEM.
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
