// A TLS session (an SSL_SESSION of OpenSSL).

internal import COpenSSL

/// A TLS session of a connection to an executor, which a later connection to the same executor can resume.
///
/// Confined to the thread that made it.
@safe package final class TLSSession {
    let raw: OpaquePointer

    init(adopting raw: OpaquePointer) { unsafe self.raw = unsafe raw }

    deinit { unsafe SSL_SESSION_free(raw) }
}
