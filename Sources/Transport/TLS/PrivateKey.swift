// An owner of an EVP_PKEY.

internal import COpenSSL

/// Owns a private key.
@safe package struct PrivateKey: ~Copyable {
    package let raw: OpaquePointer

    package init(adopting raw: OpaquePointer) { unsafe self.raw = unsafe raw }

    deinit { unsafe EVP_PKEY_free(raw) }

    /// RSA, EC, Ed25519: an SSL_CTX has room for one certificate of each.
    package var type: CInt { unsafe EVP_PKEY_get_base_id(raw) }
}
