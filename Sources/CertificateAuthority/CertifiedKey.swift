// Makes keys and X.509 certificates with OpenSSL, for development and for tests. The functions in
// DevelopmentCertificates.swift use this file.

internal import COpenSSL
internal import Glibc
internal import Transport

/// A certificate and its private key.
struct CertifiedKey: ~Copyable {
    let certificate: Certificate
    let key: PrivateKey

    /// Reads a certificate and its private key from PEM files.
    ///
    /// - Throws: when a file cannot be read, or the key does not belong to the certificate.
    init(certificate path: String, key keyPath: String) throws(TLSError) {
        let certificate = try PEMFile(path).nextCertificate()
        let key = try PEMFile(keyPath).privateKey()
        guard let certificate, certificate.belongs(to: key) else {
            throw TLSError.fromQueue(.keyMismatch, file: path, fallback: "no pair with \(keyPath)")
        }
        self.certificate = certificate
        self.key = key
    }

    private init(certificate: consuming Certificate, key: consuming PrivateKey) {
        self.certificate = certificate
        self.key = key
    }

    /// Makes a new certificate authority with a self-signed certificate.
    static func authority(_ type: DevelopmentCertificates.KeyType, now: Int64) throws(TLSError) -> CertifiedKey {
        let key = PrivateKey.generate(type)
        let draft = Certificate.draft(.authority, for: key, from: now, until: Int64.max)
        try draft.sign(as: .authority, issuer: draft, key: key)
        return CertifiedKey(certificate: draft, key: key)
    }

    /// Makes a new key and its certificate, signed by this authority.
    ///
    /// The certificate expires no later than the authority.
    func issue(
        _ purpose: CertificatePurpose,
        _ type: DevelopmentCertificates.KeyType,
        now: Int64
    ) throws(TLSError) -> CertifiedKey {
        let key = PrivateKey.generate(type)
        let draft = Certificate.draft(purpose, for: key, from: now, until: certificate.expiry)
        try draft.sign(as: purpose, issuer: certificate, key: self.key)
        return CertifiedKey(certificate: draft, key: key)
    }
}

extension Certificate {
    /// A certificate without issuer, extensions and signature, which `sign` adds.
    ///
    /// - Parameters:
    ///   - now: the time in seconds since 1970.
    ///   - limit: the latest expiry in seconds since 1970.
    fileprivate static func draft(
        _ purpose: CertificatePurpose,
        for key: borrowing PrivateKey,
        from now: Int64,
        until limit: Int64
    ) -> Certificate {
        guard let raw = unsafe X509_new() else { fatalError("out of memory") }
        // The validity begins one hour ago, so that clients whose clocks are slow accept the certificate.
        let start = now - 3600
        let end = min(start + purpose.validity, limit)
        let serial = Int64.random(in: 1...Int64.max)
        let name = unsafe X509_get_subject_name(raw)
        let isMade =
            unsafe X509_set_version(raw, Int(X509_VERSION_3)) == 1
            && ASN1_INTEGER_set_int64(X509_get_serialNumber(raw), serial) == 1
            && ASN1_TIME_set(X509_getm_notBefore(raw), Int(start)) != nil
            && ASN1_TIME_set(X509_getm_notAfter(raw), Int(end)) != nil
            && X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, purpose.commonName, -1, -1, 0) == 1
            && X509_set_pubkey(raw, key.raw) == 1
        precondition(isMade, "OpenSSL cannot make a certificate")
        return unsafe Certificate(adopting: raw)
    }

    fileprivate func sign(
        as purpose: CertificatePurpose,
        issuer: borrowing Certificate,
        key: borrowing PrivateKey
    ) throws(TLSError) {
        var isMade = unsafe X509_set_issuer_name(raw, X509_get_subject_name(issuer.raw)) == 1
        for (kind, text) in purpose.extensions {
            isMade = unsafe isMade && copenssl_X509_add_extension(raw, issuer.raw, kind, text) == 1
        }
        guard isMade, unsafe X509_sign(raw, key.raw, EVP_sha256()) > 0 else {
            throw TLSError.fromQueue(.configuration, fallback: "the certificate cannot be signed")
        }
    }
}

extension PrivateKey {
    static func generate(_ type: DevelopmentCertificates.KeyType) -> PrivateKey {
        let made =
            switch type {
            case .p256: unsafe copenssl_generate_P256()
            case .rsa2048: unsafe copenssl_generate_RSA2048()
            }
        guard let made = unsafe made else { fatalError("OpenSSL cannot make a key") }
        return unsafe PrivateKey(adopting: made)
    }

    /// The key as unencrypted PKCS#8 in PEM.
    var pem: [UInt8] { unsafe textOf { unsafe PEM_write_bio_PrivateKey($0, raw, nil, nil, 0, nil, nil) } }
}

extension Certificate {
    var pem: [UInt8] { unsafe textOf { unsafe PEM_write_bio_X509($0, raw) } }
}

/// The bytes that `body` writes into a memory BIO.
private func textOf(_ body: (OpaquePointer) -> CInt) -> [UInt8] {
    guard let bio = unsafe BIO_new(BIO_s_mem()) else { fatalError("out of memory") }
    defer { unsafe BIO_free(bio) }
    unsafe precondition(body(bio) == 1, "OpenSSL cannot write PEM")
    var start: UnsafeMutablePointer<CChar>?
    let count = unsafe copenssl_BIO_get_mem_data(bio, &start)
    return unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
}
