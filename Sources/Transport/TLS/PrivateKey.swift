// A private key (an EVP_PKEY of OpenSSL).

internal import COpenSSL

/// Owns a private key, and frees the key in `deinit`.
@safe package struct PrivateKey: ~Copyable {
    package let raw: OpaquePointer

    /// Takes over one reference to `raw`, which `deinit` releases.
    package init(adopting raw: OpaquePointer) { unsafe self.raw = unsafe raw }

    deinit { unsafe EVP_PKEY_free(raw) }

    /// OpenSSL's identifier of the key type, such as `EVP_PKEY_RSA`.
    ///
    /// An SSL_CTX holds one certificate for each key type, so a server can have an RSA and an ECDSA certificate.
    package var type: CInt { unsafe EVP_PKEY_get_base_id(raw) }
}
