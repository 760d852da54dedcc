// What only tests do to TLS: old versions, one kind of signature, certificates that nobody should make today.

internal import COpenSSL

extension TLSContext {
    /// Limits the protocol versions, 0x0302 being TLS 1.1 and 0x0304 TLS 1.3; lowers the security level so that any works.
    package func setVersionsForTest(minimum: Int, maximum: Int) {
        unsafe SSL_CTX_set_security_level(raw, 0)
        let set =
            unsafe copenssl_SSL_CTX_set_min_proto_version(raw, CInt(minimum)) == 1
            && copenssl_SSL_CTX_set_max_proto_version(raw, CInt(maximum)) == 1
            && SSL_CTX_set_cipher_list(raw, "ALL:@SECLEVEL=0") == 1
        precondition(set)
    }

    /// Limits what the peer may sign with: "RSA-PSS+SHA256", "ECDSA+SHA256".
    package func setSignatureAlgorithmsForTest(_ list: String) {
        unsafe precondition(copenssl_SSL_CTX_set1_sigalgs_list(raw, list) == 1)
    }
}

extension TLSConnection {
    /// The DNS names of the certificate that the peer showed.
    package var peerNamesForTest: [String] { peerCertificate?.dnsNames ?? [] }

    /// "EC" or "RSA".
    package var peerKeyTypeForTest: String {
        guard let certificate = peerCertificate, let key = unsafe X509_get0_pubkey(certificate.raw) else { return "" }
        return unsafe EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? "RSA" : "EC"
    }

    /// Sends one TLS 1.3 KeyUpdate that asks the peer for another, into the wire's output.
    package mutating func updateKeysForTest() {
        unsafe SSL_key_update(raw, SSL_KEY_UPDATE_REQUESTED)
        unsafe SSL_do_handshake(raw)
    }
}

/// Like `makeDevelopmentCertificates`, with the name in the subject only.
package func makeCommonNameCertificateForTest(
    in directory: String,
    name: String,
    now: Int64
) throws(TLSError) -> DevelopmentCertificates {
    let made = try makeDevelopmentCertificates(in: directory, names: [name], now: now)
    let folder = try CertificateFolder(directory)
    let authority = try CertifiedKey(certificate: made.ca, key: folder.path("ca-key.pem"))
    let leaf = try authority.issue(.commonNameOnly(name), .p256, now: now)
    try folder.write(leaf.key.pem, to: "key.pem", isSecret: true)
    try folder.write(leaf.certificate.pem, to: "chain.pem", isSecret: false)
    return made
}
