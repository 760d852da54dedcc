// A TLS session (an SSL_SESSION of OpenSSL).

internal import COpenSSL

/// A TLS session that a later client connection can resume.
///
/// Confined to the thread that made it.
@safe package final class TLSSession {
    let raw: OpaquePointer

    init(adopting raw: OpaquePointer) { unsafe self.raw = unsafe raw }

    deinit { unsafe SSL_SESSION_free(raw) }
}
