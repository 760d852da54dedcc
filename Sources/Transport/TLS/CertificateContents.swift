// A certificate and its private key as bytes in memory, so that all workers serve the same pair.

/// The contents of the two files of a certificate, as they were at one moment.
///
/// One thread reads the files, and every worker makes its contexts from these bytes: a file that is replaced meanwhile
/// cannot give two workers different certificates, or one of them a key that does not fit.
package struct CertificateContents: Equatable, Sendable {
    /// Where the contents were read.
    package let files: CertificateFiles
    /// The certificate chain, PEM.
    package let chain: [UInt8]
    /// The private key, PEM.
    package let key: [UInt8]

    package init(files: CertificateFiles, chain: [UInt8], key: [UInt8]) {
        self.files = files
        self.chain = chain
        self.key = key
    }
}
