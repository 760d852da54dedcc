// One TLS connection, as client or as server. The connection owns neither a socket nor a buffer: it reads and writes
// ciphertext through the TLSWire, the ciphertext buffers of the worker thread. A Channel, which has the socket, owns
// the connection. The channel feeds ciphertext to the wire before each `read`, and sends the wire's output after each
// call.

internal import COpenSSL

/// A TLS connection, which owns an `SSL` of OpenSSL.
///
/// `TLSWire.feed` supplies ciphertext, and `read` decrypts it. Ciphertext to send is in `TLSWire.output` after each
/// `write` and after each `read`, because `read` also performs the handshake. After a failed handshake, the output may
/// hold an alert.
@safe package struct TLSConnection: ~Copyable {
    /// The outcome of a `read`.
    package enum Read: Equatable {
        /// This many bytes of plaintext were read.
        ///
        /// Call `read` again, because more bytes may follow.
        case bytes(Int)
        /// All ciphertext from `TLSWire.feed` has been processed; more bytes from the socket are needed.
        case wantsMore
        /// The peer sent close_notify.
        case closed
        /// The connection has failed.
        ///
        /// `TLSWire.output` may hold an alert, which the caller sends before it closes the socket.
        case failed(TLSError)
    }

    let raw: OpaquePointer
    private let wire: TLSWire
    /// The `TLSContext` of a client-side connection, or the `TLSServerContexts` of a server-side one.
    ///
    /// The connection keeps it alive, because OpenSSL's callbacks hold unretained pointers to it or to its parts.
    private let owner: AnyObject
    private let isClient: Bool
    /// Whether the handshake is complete.
    package private(set) var isEstablished = false
    /// The application protocol that the handshake agreed on; `none` before the handshake is complete.
    package private(set) var alpn = ALPN.none
    private var failure: TLSError?
    private var isClosed = false
    /// How many bytes of plaintext have been received.
    private var received = 0
    /// How many TLS 1.3 KeyUpdate messages the peer has sent.
    package private(set) var keyUpdateCount = 0

    private init(in context: TLSContext, owner: AnyObject, wire: TLSWire, isClient: Bool) {
        guard let raw = unsafe SSL_new(context.raw), let bio = unsafe copenssl_wire_bio_new(wire.raw, wireMethod) else {
            fatalError("out of memory")
        }
        // One BIO serves both directions. SSL_set_bio takes over the one reference to the BIO.
        unsafe SSL_set_bio(raw, bio, bio)
        unsafe copenssl_wire_count_key_updates(raw, wire.raw)
        unsafe self.raw = unsafe raw
        self.wire = wire
        self.owner = owner
        self.isClient = isClient
    }

    /// A server-side connection.
    ///
    /// The connection chooses its certificate from `contexts` by the client's server name (SNI).
    package static func server(in contexts: TLSServerContexts, wire: TLSWire) -> TLSConnection {
        let connection = TLSConnection(in: contexts.first, owner: contexts, wire: wire, isClient: false)
        unsafe SSL_set_accept_state(connection.raw)
        return connection
    }

    /// A client-side connection.
    ///
    /// The first `read` needs no ciphertext, and writes the ClientHello to `TLSWire.output`.
    ///
    /// - Parameter serverName: a DNS name or an IP address, which the server's certificate must contain if `context`
    ///   verifies certificates.
    /// - Throws: when `context` verifies certificates and `serverName` is nil, or when the server name or the session
    ///   is unusable.
    package static func client(
        in context: TLSContext,
        wire: TLSWire,
        serverName: String?,
        resuming session: TLSSession? = nil
    ) throws(TLSError) -> TLSConnection {
        ERR_clear_error()
        let connection = TLSConnection(in: context, owner: context, wire: wire, isClient: true)
        unsafe SSL_set_connect_state(connection.raw)
        try connection.expect(serverName, verified: context.verifiesPeer)
        if let session, unsafe SSL_set_session(connection.raw, session.raw) != 1 {
            throw TLSError.fromQueue(.configuration, fallback: "a session that does not fit")
        }
        return connection
    }

    deinit {
        // OpenSSL marks a session as not resumable if its connection ends without close_notify. To keep the session
        // resumable, both shutdown flags are set, unless the connection has failed.
        if failure == nil { unsafe SSL_set_shutdown(raw, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN) }
        unsafe SSL_free(raw)
    }

    /// Sets the SNI to send, and the name or address that the server's certificate must contain.
    private borrowing func expect(_ serverName: String?, verified: Bool) throws(TLSError) {
        guard let serverName else {
            if verified { throw TLSError(.configuration, "a verified connection needs a server name") }
            return
        }
        guard !serverName.isEmpty, !serverName.utf8.contains(0) else {
            throw TLSError(.configuration, "a bad server name")
        }
        let parameters = unsafe SSL_get0_param(raw)
        if unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, serverName) == 1 { return }
        ERR_clear_error()
        unsafe SSL_set_hostflags(raw, CUnsignedInt(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        guard unsafe SSL_set1_host(raw, serverName) == 1,
            unsafe copenssl_SSL_set_tlsext_host_name(raw, serverName) == 1
        else { throw TLSError.fromQueue(.configuration, fallback: "a bad server name") }
    }

    // MARK: Moving bytes

    /// Performs the handshake, then decrypts the ciphertext from `TLSWire.feed` into `buffer`.
    ///
    /// Stops when all of the ciphertext has been processed or `buffer` is full.
    package mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Read {
        guard failure == nil, !isClosed else {
            wire.dropInput()
            return failure.map { .failed($0) } ?? .closed
        }
        unsafe precondition(!buffer.isEmpty, "no room to read into")
        if isEstablished, wire.unreadCount == 0, unsafe SSL_has_pending(raw) == 0 { return .wantsMore }
        ERR_clear_error()
        allowKeyUpdates()
        defer { countKeyUpdates() }
        if !isEstablished {
            // If the client sends plaintext, its first bytes show which protocol it speaks instead of TLS. They are
            // examined before the handshake, because OpenSSL consumes them.
            let clear = unsafe isClient || SSL_in_before(raw) != 1 ? nil : ClearText(wire.unread)
            let result = unsafe SSL_do_handshake(raw)
            guard result == 1 else { return unfinished(result, clear: clear) }
            establish()
        }
        return unsafe decrypt(into: buffer)
    }

    /// Decrypts until all ciphertext from `TLSWire.feed` has been processed or `buffer` is full.
    @inline(__always)
    private mutating func decrypt(into buffer: UnsafeMutableRawBufferPointer) -> Read {
        var total = 0
        while total < buffer.count {
            var count = 0
            let result = unsafe SSL_read_ex(raw, buffer.baseAddress! + total, buffer.count - total, &count)
            guard result == 1 else {
                let outcome = unfinished(result)
                // The decrypted bytes are returned first. If the connection has also ended or failed, the next call of
                // `read` reports that.
                return total > 0 ? .bytes(total) : outcome
            }
            total += count
            received += count
        }
        return total > 0 ? .bytes(total) : .wantsMore
    }

    /// Encrypts all of `plaintext` into `TLSWire.output`, in records of at most 16 KiB.
    ///
    /// - Returns: the error if the connection has failed; nil on success.
    package mutating func write(_ plaintext: UnsafeRawBufferPointer) -> TLSError? {
        if let failure { return failure }
        precondition(isEstablished, "plaintext before the handshake is done")
        ERR_clear_error()
        var offset = 0
        while offset < plaintext.count {
            var count = 0
            // Each call writes one record, because SSL_MODE_ENABLE_PARTIAL_WRITE is set.
            let result = unsafe SSL_write_ex(raw, plaintext.baseAddress! + offset, plaintext.count - offset, &count)
            guard result == 1 else { return fail(.record) }
            offset += count
        }
        return nil
    }

    /// Writes a close_notify to `TLSWire.output`; only the first call has an effect.
    ///
    /// Does nothing if the connection has failed or is not established.
    package mutating func shutdown() {
        guard isEstablished, failure == nil else { return }
        // A second SSL_shutdown would read the input of the `TLSWire`. All connections of the worker share the wire, so
        // that input may by then belong to another connection.
        guard unsafe SSL_get_shutdown(raw) & SSL_SENT_SHUTDOWN == 0 else { return }
        ERR_clear_error()
        unsafe SSL_shutdown(raw)
        ERR_clear_error()
    }

    // MARK: Negotiated properties

    /// The server name that the client sent (SNI); nil when it sent none.
    package var serverName: String? {
        unsafe SSL_get_servername(raw, TLSEXT_NAMETYPE_host_name).map { unsafe String(cString: $0) }
    }

    /// The protocol version, such as `TLSv1.3`.
    package var version: String { unsafe String(cString: SSL_get_version(raw)) }

    /// The cipher suite, such as `TLS_AES_128_GCM_SHA256`.
    package var cipher: String { unsafe String(cString: copenssl_SSL_get_cipher_name(raw)) }

    /// Whether the handshake resumed an earlier session.
    package var isResumed: Bool { unsafe SSL_session_reused(raw) == 1 }

    /// Why the verification of the peer's certificate failed; nil if it succeeded.
    ///
    /// The reason is available even if the context accepts every certificate.
    package var verifyError: String? {
        let result = unsafe SSL_get_verify_result(raw)
        guard result != Int(X509_V_OK) else { return nil }
        return unsafe String(cString: X509_verify_cert_error_string(result))
    }

    /// A session that a later client connection can resume.
    ///
    /// With TLS 1.3, the session cannot be resumed until `read` has received a session ticket, which the server sends
    /// after the handshake.
    package var session: TLSSession? {
        guard let session = unsafe SSL_get1_session(raw) else { return nil }
        return unsafe TLSSession(adopting: session)
    }

    /// The certificate that the peer presented; nil when it presented none.
    var peerCertificate: Certificate? {
        guard let certificate = unsafe SSL_get1_peer_certificate(raw) else { return nil }
        return unsafe Certificate(adopting: certificate)
    }

    // MARK: Outcomes

    private mutating func establish() {
        isEstablished = true
        var name: UnsafePointer<UInt8>?
        var length: CUnsignedInt = 0
        unsafe SSL_get0_alpn_selected(raw, &name, &length)
        alpn = unsafe ALPN(UnsafeBufferPointer(start: name, count: Int(length)))
    }

    private mutating func unfinished(_ result: CInt, clear: ClearText? = nil) -> Read {
        switch unsafe SSL_get_error(raw, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE:
            return .wantsMore
        case SSL_ERROR_ZERO_RETURN:
            isClosed = true
            wire.dropInput()
            return .closed
        default: return .failed(fail(kind(clear)))
        }
    }

    /// The kind of error for a failed handshake or record.
    ///
    /// - Parameter clear: the plaintext protocol that the peer speaks; nil if it speaks TLS.
    private func kind(_ clear: ClearText?) -> TLSError.Kind {
        switch clear {
        case .http: .plainHTTP
        case .proxyHeader: .proxyHeader
        case nil: isEstablished ? .record : .handshake
        }
    }

    private mutating func fail(_ kind: TLSError.Kind) -> TLSError {
        wire.dropInput()
        var kind = kind
        if isOverKeyUpdates {
            kind = .keyUpdateFlood
        } else if isClient, unsafe SSL_get_verify_mode(raw) == SSL_VERIFY_PEER, verifyError != nil {
            kind = .verification
        } else if !isClient, !isEstablished, verifyError != nil {
            kind = .clientCertificate
        }
        let fallback = kind == .keyUpdateFlood ? "KeyUpdate messages without end" : "the TLS connection broke"
        var error = TLSError.fromQueue(kind, fallback: fallback)
        if kind == .verification || kind == .clientCertificate, let verifyError {
            // OpenSSL's error queue does not say why the verification failed.
            error = TLSError(kind, verifyError)
        }
        failure = error
        return error
    }

    // MARK: KeyUpdate

    /// Sets how many KeyUpdate messages the next read accepts.
    ///
    /// A connection accepts 32 KeyUpdate messages in all, and one more for each MiB of plaintext received.
    ///
    /// A KeyUpdate costs two key derivations and a reply, so a flood of KeyUpdates would load the worker. A
    /// well-behaved peer sends one only after many gigabytes.
    private func allowKeyUpdates() {
        let allowed = 32 + received >> 20
        unsafe wire.raw.pointee.key_updates = 0
        unsafe wire.raw.pointee.key_updates_allowed = UInt32(clamping: allowed - keyUpdateCount)
    }

    private var isOverKeyUpdates: Bool {
        unsafe wire.raw.pointee.key_updates > wire.raw.pointee.key_updates_allowed
    }

    private mutating func countKeyUpdates() { keyUpdateCount += unsafe Int(wire.raw.pointee.key_updates) }
}
