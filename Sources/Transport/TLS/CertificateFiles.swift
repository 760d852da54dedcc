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

/// What is told of a certificate to people.
struct CertificateFacts: Sendable {
    /// Its first name, else that of its subject.
    let name: String
    /// In seconds since 1970, as `expires`.
    let validFrom: Int64
    let expires: Int64
    /// It signed the certificate before it in its file; true of the first.
    let issuedPrevious: Bool
}

/// The certificates of a file: the leaf first, then its intermediates.
final class LoadedChain {
    let leaf: Certificate
    let intermediates: CertificateStack
    /// Of each in its order.
    let facts: [CertificateFacts]

    /// An error names the file and says what is wrong with it.
    init(_ path: String) throws(TLSError) {
        ERR_clear_error()
        let file = try PEMFile(path)
        guard let leaf = try file.nextCertificate() else {
            throw TLSError(.file, PEMDiagnosis.reason(path, expecting: .certificate(number: 1)), file: path)
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
}

/// A leaf with its intermediates and the key that belongs to it.
final class LoadedCertificate {
    let files: CertificateFiles
    let chain: LoadedChain
    let key: PrivateKey
    /// The DNS names that it serves, in lower case; `*.` first for a wildcard.
    let names: [String]

    /// Reads both files; an error names the file and says what is wrong with it.
    init(_ files: CertificateFiles) throws(TLSError) {
        let chain = try LoadedChain(files.chain)
        let key = try PEMFile(files.key).privateKey()
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

/// A PEM file open for reading.
@safe struct PEMFile: ~Copyable {
    private let path: String
    private let bio: OpaquePointer

    init(_ path: String) throws(TLSError) {
        if let reason = PEMDiagnosis.reasonOfMark(path) { throw TLSError(.file, reason, file: path) }
        guard let bio = unsafe BIO_new_file(path, "r") else {
            throw TLSError.fromQueue(.file, file: path, fallback: "cannot be opened")
        }
        self.path = path
        unsafe self.bio = unsafe bio
    }

    deinit { unsafe BIO_free(bio) }

    /// The next certificate, or nil at the end of the file; other PEM objects between them are skipped.
    ///
    /// - Parameter number: of the certificate in its file, from 1, for an error.
    func nextCertificate(number: Int = 1) throws(TLSError) -> Certificate? {
        if let certificate = unsafe PEM_read_bio_X509(bio, nil, refusePassword, nil) {
            return unsafe Certificate(adopting: certificate)
        }
        if ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE {
            ERR_clear_error()
            return nil
        }
        ERR_clear_error()
        throw TLSError(.file, PEMDiagnosis.reason(path, expecting: .certificate(number: number)), file: path)
    }

    func privateKey() throws(TLSError) -> PrivateKey {
        guard let key = unsafe PEM_read_bio_PrivateKey(bio, nil, refusePassword, nil) else {
            ERR_clear_error()
            throw TLSError(.file, PEMDiagnosis.reason(path, expecting: .privateKey), file: path)
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
