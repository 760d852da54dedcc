// Reading certificates and private keys from a PEM file.

internal import COpenSSL

/// A PEM file open for reading.
@safe package struct PEMFile: ~Copyable {
    private let path: String
    private let bio: OpaquePointer

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
    /// - Parameter number: of the certificate in its file, from 1, for an error.
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

    package func privateKey() throws(TLSError) -> PrivateKey {
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
