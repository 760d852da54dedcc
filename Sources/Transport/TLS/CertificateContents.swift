// A certificate and its private key as bytes in memory, so that all workers serve the same certificate and key.

/// The contents of a certificate file and of its key file, read at the same time.
///
/// One thread reads the files, and every worker makes its TLS contexts from the same bytes. So a file that is replaced
/// while the workers start cannot give them different certificates.
package struct CertificateContents: Equatable, Sendable {
    /// The paths of the certificate file and of the key file.
    package let files: CertificateFiles
    /// The certificate chain as PEM text, leaf first.
    package let chain: [UInt8]
    /// The private key as PEM text.
    package let key: [UInt8]

    package init(files: CertificateFiles, chain: [UInt8], key: [UInt8]) {
        self.files = files
        self.chain = chain
        self.key = key
    }
}
