// TLS settings that only tests need: old versions, chosen signature algorithms, and key updates on demand.

import COpenSSL

@testable import Transport

extension TLSContext {
    /// Limits the protocol versions: 0x0302 is TLS 1.1, 0x0304 is TLS 1.3.
    ///
    /// Sets security level 0, because higher levels disable old versions.
    func setVersionsForTest(minimum: Int, maximum: Int) {
        SSL_CTX_set_security_level(raw, 0)
        let set =
            copenssl_SSL_CTX_set_min_proto_version(raw, CInt(minimum)) == 1
            && copenssl_SSL_CTX_set_max_proto_version(raw, CInt(maximum)) == 1
            && SSL_CTX_set_cipher_list(raw, "ALL:@SECLEVEL=0") == 1
        precondition(set)
    }

    /// Presents a certificate to servers that ask for one.
    func presentForTest(_ files: CertificateFiles) {
        let isSet =
            SSL_CTX_use_certificate_chain_file(raw, files.chain) == 1
            && SSL_CTX_use_PrivateKey_file(raw, files.key, copenssl_FILETYPE_PEM) == 1
        precondition(isSet)
    }

    /// Limits the groups of the key exchange to one, such as "P-256".
    func setGroupForTest(_ name: String) { precondition(copenssl_SSL_CTX_set1_groups_list(raw, name) == 1) }

    /// Limits the signature algorithms of the peer, for example to "RSA-PSS+SHA256" or "ECDSA+SHA256".
    func setSignatureAlgorithmsForTest(_ list: String) {
        precondition(copenssl_SSL_CTX_set1_sigalgs_list(raw, list) == 1)
    }
}

extension TLSConnection {
    /// The DNS names in the peer's certificate; empty without a certificate.
    var peerNamesForTest: [String] { peerCertificate?.dnsNames ?? [] }

    /// The type of the key in the peer's certificate, "EC" or "RSA".
    var peerKeyTypeForTest: String {
        guard let certificate = peerCertificate, let key = X509_get0_pubkey(certificate.raw) else { return "" }
        return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? "RSA" : "EC"
    }

    /// Writes one TLS 1.3 KeyUpdate to the wire's output, which asks the peer for a KeyUpdate in return.
    mutating func updateKeysForTest() {
        SSL_key_update(raw, SSL_KEY_UPDATE_REQUESTED)
        SSL_do_handshake(raw)
    }
}
