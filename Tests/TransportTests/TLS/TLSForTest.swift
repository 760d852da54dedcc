// What only tests do to TLS: old versions, one kind of signature, changes of keys on demand.

import COpenSSL

@testable import Transport

extension TLSContext {
    /// Limits the protocol versions, 0x0302 being TLS 1.1 and 0x0304 TLS 1.3; lowers the security level so that any
    /// works.
    func setVersionsForTest(minimum: Int, maximum: Int) {
        SSL_CTX_set_security_level(raw, 0)
        let set =
            copenssl_SSL_CTX_set_min_proto_version(raw, CInt(minimum)) == 1
            && copenssl_SSL_CTX_set_max_proto_version(raw, CInt(maximum)) == 1
            && SSL_CTX_set_cipher_list(raw, "ALL:@SECLEVEL=0") == 1
        precondition(set)
    }

    /// Limits what the peer may sign with: "RSA-PSS+SHA256", "ECDSA+SHA256".
    func setSignatureAlgorithmsForTest(_ list: String) {
        precondition(copenssl_SSL_CTX_set1_sigalgs_list(raw, list) == 1)
    }
}

extension TLSConnection {
    /// The DNS names of the certificate that the peer showed.
    var peerNamesForTest: [String] { peerCertificate?.dnsNames ?? [] }

    /// "EC" or "RSA".
    var peerKeyTypeForTest: String {
        guard let certificate = peerCertificate, let key = X509_get0_pubkey(certificate.raw) else { return "" }
        return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? "RSA" : "EC"
    }

    /// Sends one TLS 1.3 KeyUpdate that asks the peer for another, into the wire's output.
    mutating func updateKeysForTest() {
        SSL_key_update(raw, SSL_KEY_UPDATE_REQUESTED)
        SSL_do_handshake(raw)
    }
}
