// A certificate on disk and in memory: loading PEM files, and the names a certificate is for.
// Configuration names the files; TLSServerContexts loads them.

internal import COpenSSL

/// Where a certificate chain (leaf first) and its private key are, both PEM.
package struct CertificateFiles: Equatable, Hashable, Sendable {
    package let chain: String
    package let key: String

    package init(chain: String, key: String) {
        self.chain = chain
        self.key = key
    }
}

/// A leaf with its intermediates and the key that belongs to it.
final class LoadedCertificate {
    let files: CertificateFiles
    let leaf: Certificate
    let intermediates: CertificateStack
    let key: PrivateKey
    /// The DNS names that it serves, in lower case; `*.` first for a wildcard.
    let names: [String]

    /// Reads both files; an error names the file and says what OpenSSL has against it.
    init(_ files: CertificateFiles) throws(TLSError) {
        ERR_clear_error()
        let chain = try PEMFile(files.chain)
        let leaf = try chain.nextCertificate()
        let key = try PEMFile(files.key).privateKey()
        guard let leaf else { throw TLSError(.file, "holds no certificate", file: files.chain) }
        let intermediates = CertificateStack()
        while let certificate = try chain.nextCertificate() { intermediates.append(certificate) }
        guard leaf.belongs(to: key) else {
            throw TLSError.fromQueue(.keyMismatch, file: files.key, fallback: "does not belong to \(files.chain)")
        }
        self.files = files
        names = leaf.dnsNames
        self.leaf = leaf
        self.key = key
        self.intermediates = intermediates
    }
}

/// A PEM file open for reading.
@safe struct PEMFile: ~Copyable {
    private let path: String
    private let bio: OpaquePointer

    init(_ path: String) throws(TLSError) {
        guard let bio = unsafe BIO_new_file(path, "r") else {
            throw TLSError.fromQueue(.file, file: path, fallback: "cannot be opened")
        }
        self.path = path
        unsafe self.bio = unsafe bio
    }

    deinit { unsafe BIO_free(bio) }

    /// The next certificate, or nil at the end of the file; other PEM objects between them are skipped.
    func nextCertificate() throws(TLSError) -> Certificate? {
        if let certificate = unsafe PEM_read_bio_X509(bio, nil, refusePassword, nil) {
            return unsafe Certificate(adopting: certificate)
        }
        if ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE {
            ERR_clear_error()
            return nil
        }
        throw TLSError.fromQueue(.file, file: path, fallback: "holds no certificate")
    }

    func privateKey() throws(TLSError) -> PrivateKey {
        guard let key = unsafe PEM_read_bio_PrivateKey(bio, nil, refusePassword, nil) else {
            throw TLSError.fromQueue(.file, file: path, fallback: "holds no private key")
        }
        return unsafe PrivateKey(adopting: key)
    }
}

/// An encrypted key is refused: without this OpenSSL would ask for its password on the terminal.
private func refusePassword(
    _: UnsafeMutablePointer<CChar>?,
    _: CInt,
    _: CInt,
    _: UnsafeMutableRawPointer?
) -> CInt { -1 }
