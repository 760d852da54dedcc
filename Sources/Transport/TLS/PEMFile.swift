// Reading certificates and private keys from a PEM file.

internal import COpenSSL

/// A PEM file open for reading.
@safe package struct PEMFile: ~Copyable {
    private let path: String
    /// The contents, where they were read before; nil for a file that OpenSSL reads itself.
    private let bytes: [UInt8]?
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
        bytes = nil
        unsafe self.bio = unsafe bio
    }

    /// Reads from the contents of a file that were read before.
    ///
    /// - Parameter path: the file, for error messages.
    /// - Throws: when the contents begin with a byte order mark, or there is no memory for them.
    package init(_ path: String, contents bytes: [UInt8]) throws(TLSError) {
        if let reason = PEMDiagnosis.reasonOfMark(in: bytes) { throw TLSError(.file, reason, file: path) }
        // `BIO_write` copies the bytes, so that the array may move.
        guard let bio = unsafe BIO_new(BIO_s_mem()),
            unsafe BIO_write(bio, bytes, CInt(clamping: bytes.count)) == bytes.count || bytes.isEmpty
        else { throw TLSError.fromQueue(.file, file: path, fallback: "cannot be held in memory") }
        self.path = path
        self.bytes = bytes
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
        throw TLSError(.file, reason(expecting: .certificate(number: number)), file: path)
    }

    /// The private key of the file.
    ///
    /// - Throws: when there is none, or one that is damaged or encrypted.
    package func privateKey() throws(TLSError) -> PrivateKey {
        guard let key = unsafe PEM_read_bio_PrivateKey(bio, nil, refusePassword, nil) else {
            ERR_clear_error()
            throw TLSError(.file, reason(expecting: .privateKey), file: path)
        }
        return unsafe PrivateKey(adopting: key)
    }

    /// Why the file does not hold what is expected, worded to follow the name of the file.
    func reason(expecting expected: PEMDiagnosis.Expected) -> String {
        bytes.map { PEMDiagnosis.reason($0, expecting: expected) } ?? PEMDiagnosis.reason(path, expecting: expected)
    }
}

/// Refuses to give a password: without this callback OpenSSL would ask for it on the terminal.
private func refusePassword(
    _: UnsafeMutablePointer<CChar>?,
    _: CInt,
    _: CInt,
    _: UnsafeMutableRawPointer?
) -> CInt { -1 }
