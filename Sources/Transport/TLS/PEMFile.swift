// Reading certificates and private keys from a PEM file.

internal import COpenSSL

/// A PEM file open for reading.
@safe package struct PEMFile: ~Copyable {
    private let path: String
    private let bio: OpaquePointer

    /// Opens a file.
    ///
    /// - Throws: when it cannot be opened, or begins with a byte order mark.
    package init(_ path: String) throws(TLSError) {
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
    /// - Parameter number: the number of the certificate in the file, from 1, for an error message.
    /// - Throws: when the certificate is damaged.
    package func nextCertificate(number: Int = 1) throws(TLSError) -> Certificate? {
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

    /// The private key of the file.
    ///
    /// - Throws: when there is none, or one that is damaged or encrypted.
    package func privateKey() throws(TLSError) -> PrivateKey {
        guard let key = unsafe PEM_read_bio_PrivateKey(bio, nil, refusePassword, nil) else {
            ERR_clear_error()
            throw TLSError(.file, PEMDiagnosis.reason(path, expecting: .privateKey), file: path)
        }
        return unsafe PrivateKey(adopting: key)
    }
}

/// Refuses to give a password: without this callback OpenSSL would ask for it on the terminal.
private func refusePassword(
    _: UnsafeMutablePointer<CChar>?,
    _: CInt,
    _: CInt,
    _: UnsafeMutableRawPointer?
) -> CInt { -1 }
