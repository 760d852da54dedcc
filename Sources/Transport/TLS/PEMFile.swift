// Reads certificates and private keys from a PEM file.

internal import COpenSSL

/// A PEM file open for reading.
@safe package struct PEMFile: ~Copyable {
    private let path: String
    /// The contents of the file, if the caller has passed them; nil if OpenSSL reads the file itself.
    private let bytes: [UInt8]?
    private let bio: OpaquePointer

    /// Opens a file.
    ///
    /// - Throws: when the file cannot be opened, or begins with a byte order mark.
    package init(_ path: String) throws(TLSError) {
        if let reason = PEMDiagnosis.reasonOfMark(path) { throw TLSError(.file, reason, file: path) }
        guard let bio = unsafe BIO_new_file(path, "r") else {
            throw TLSError.fromQueue(.file, file: path, fallback: "cannot be opened")
        }
        self.path = path
        bytes = nil
        unsafe self.bio = unsafe bio
    }

    /// Reads from the contents of a file that the caller has already read.
    ///
    /// - Parameter path: the path of the file, for error messages.
    /// - Throws: when the contents begin with a byte order mark, or OpenSSL cannot allocate memory for them.
    package init(_ path: String, contents bytes: [UInt8]) throws(TLSError) {
        if let reason = PEMDiagnosis.reasonOfMark(in: bytes) { throw TLSError(.file, reason, file: path) }
        // `BIO_write` copies the bytes, so the array need not outlive this call.
        guard let bio = unsafe BIO_new(BIO_s_mem()),
            unsafe BIO_write(bio, bytes, CInt(clamping: bytes.count)) == bytes.count || bytes.isEmpty
        else { throw TLSError.fromQueue(.file, file: path, fallback: "cannot be held in memory") }
        self.path = path
        self.bytes = bytes
        unsafe self.bio = unsafe bio
    }

    deinit { unsafe BIO_free(bio) }

    /// The next certificate; nil at the end of the file.
    ///
    /// PEM objects of other types are skipped.
    ///
    /// - Parameter number: the number of the certificate in the file, from 1, for error messages.
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
    /// - Throws: when the file holds no private key, or a damaged or encrypted one.
    package func privateKey() throws(TLSError) -> PrivateKey {
        guard let key = unsafe PEM_read_bio_PrivateKey(bio, nil, refusePassword, nil) else {
            ERR_clear_error()
            throw TLSError(.file, reason(expecting: .privateKey), file: path)
        }
        return unsafe PrivateKey(adopting: key)
    }

    /// Why the file holds no usable certificate or key, in words that follow the file's name.
    func reason(expecting expected: PEMDiagnosis.Expected) -> String {
        bytes.map { PEMDiagnosis.reason($0, expecting: expected) } ?? PEMDiagnosis.reason(path, expecting: expected)
    }
}

/// Answers OpenSSL that there is no password.
///
/// Without this callback, OpenSSL would ask for a password on the terminal.
private func refusePassword(
    _: UnsafeMutablePointer<CChar>?,
    _: CInt,
    _: CInt,
    _: UnsafeMutableRawPointer?
) -> CInt { -1 }
