// Certificates that have been read from files into memory: a chain, and a leaf with its private key.

internal import COpenSSL

/// The name and dates of one certificate, for the messages of `CertificateInspection`.
struct CertificateFacts: Sendable {
    /// The first DNS name; without one, the common name of the subject; without both, the text `without a name`.
    let name: String
    /// The beginning of the validity, in seconds since 1970.
    let validFrom: Int64
    /// The end of the validity, in seconds since 1970.
    let expires: Int64
    /// Whether this certificate issued the previous certificate in the file; true for the first certificate.
    let issuedPrevious: Bool
}

/// The certificates of a file: the leaf first, then its intermediates.
final class LoadedChain {
    let leaf: Certificate
    let intermediates: CertificateStack
    /// The name and dates of each certificate, in the order of the file.
    let facts: [CertificateFacts]

    /// Reads a PEM file.
    ///
    /// - Parameter contents: the contents of the file, if the caller has read them already; nil to read the file now.
    /// - Throws: an error that names the file and its fault.
    init(_ path: String, contents: [UInt8]? = nil) throws(TLSError) {
        ERR_clear_error()
        let file = if let contents { try PEMFile(path, contents: contents) } else { try PEMFile(path) }
        guard let leaf = try file.nextCertificate() else {
            throw TLSError(.file, file.reason(expecting: .certificate(number: 1)), file: path)
        }
        var facts = [leaf.facts(issuedPrevious: true)]
        let intermediates = CertificateStack()
        while let certificate = try file.nextCertificate(number: facts.count + 1) {
            let issued = intermediates.last(or: leaf) { $0.isIssued(by: certificate) }
            facts.append(certificate.facts(issuedPrevious: issued))
            intermediates.append(certificate)
        }
        self.leaf = leaf
        self.intermediates = intermediates
        self.facts = facts
    }

    /// Calls `body` with each certificate, in the order of the file.
    func forEach(_ body: (borrowing Certificate) -> Void) {
        body(leaf)
        intermediates.forEach(body)
    }
}

/// A leaf certificate with its intermediates and its private key.
final class LoadedCertificate {
    let files: CertificateFiles
    let chain: LoadedChain
    let key: PrivateKey
    /// The DNS names of the leaf, in lower case; a wildcard begins with `*.`.
    let names: [String]

    /// Reads the certificate file and the key file.
    ///
    /// - Throws: an error that names the faulty file; for example, if the key does not belong to the leaf certificate.
    convenience init(_ files: CertificateFiles) throws(TLSError) {
        let chain = try LoadedChain(files.chain)
        try self.init(files, chain, key: try PEMFile(files.key).privateKey())
    }

    /// Parses the contents of a certificate file and a key file that the caller has already read.
    ///
    /// - Throws: an error that names the faulty file; for example, if the key does not belong to the leaf certificate.
    convenience init(_ contents: CertificateContents) throws(TLSError) {
        let files = contents.files
        let chain = try LoadedChain(files.chain, contents: contents.chain)
        try self.init(files, chain, key: try PEMFile(files.key, contents: contents.key).privateKey())
    }

    private init(_ files: CertificateFiles, _ chain: LoadedChain, key: consuming PrivateKey) throws(TLSError) {
        guard chain.leaf.belongs(to: key) else {
            ERR_clear_error()
            let other = chain.intermediates.firstIndex { $0.belongs(to: key) }
            ERR_clear_error()
            let reason =
                other.map { "belongs to certificate \($0 + 2) of \(files.chain): the server's own must be the first" }
                ?? "does not belong to the certificate in \(files.chain)"
            throw TLSError(.keyMismatch, reason, file: files.key)
        }
        self.files = files
        names = chain.leaf.dnsNames
        self.chain = chain
        self.key = key
    }
}
