// An owner of an EVP_PKEY.

internal import COpenSSL

/// Owns a private key.
@safe package struct PrivateKey: ~Copyable {
    package let raw: OpaquePointer

    /// Takes over one reference.
    package init(adopting raw: OpaquePointer) { unsafe self.raw = unsafe raw }

    deinit { unsafe EVP_PKEY_free(raw) }

    /// OpenSSL's number of the key type, such as `EVP_PKEY_RSA`; an SSL_CTX holds one certificate of each type.
    package var type: CInt { unsafe EVP_PKEY_get_base_id(raw) }
}
