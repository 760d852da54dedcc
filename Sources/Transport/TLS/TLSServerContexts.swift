// Chooses which server certificate a client gets, by the server name that the client has sent. The choice is among the
// TLS contexts that one worker has for one listener. A TLSConnection retains the contexts that it was made with, so a
// reload of certificates closes no connection.

internal import COpenSSL

/// Finds the TLS context for a server name, among the contexts of one listener.
///
/// Names that have the same certificates share one context.
///
/// Confined to the thread that made it.
@safe package final class TLSServerContexts {
    /// The context for clients that send an unknown server name, or no server name.
    ///
    /// If `needsServerName` is true, these clients are refused.
    let first: TLSContext
    /// Whether a client is refused if it sends no server name, or a server name that no certificate has.
    let needsServerName: Bool
    private let exact: [String: TLSContext]
    /// The contexts for wildcard names.
    ///
    /// The dictionary is indexed by the name without its `*`, such as ".example.com".
    private let wildcards: [String: TLSContext]

    /// Maps each name to the indices of the certificates that serve the name.
    ///
    /// A name is served by at most one certificate of each key type: the first certificate of this type with the name.
    ///
    /// - Throws: when a certificate would never be served, because earlier certificates with the same type of key serve
    ///   all its names.
    private static func claims(of certificates: [LoadedCertificate]) throws(TLSError) -> [String: [Int]] {
        var claims: [String: [Int]] = [:]
        for (index, certificate) in certificates.enumerated() {
            var isUsed = index == 0
            for name in certificate.names {
                let earlier = claims[name, default: []]
                // A name is served by only one certificate of each key type. `earlier` may contain this certificate
                // itself, if the certificate lists the name twice.
                if earlier.contains(where: { certificates[$0].key.type == certificate.key.type }) { continue }
                claims[name] = earlier + [index]
                isUsed = true
            }
            guard isUsed else {
                let reason = "serves no name that an earlier certificate of its kind does not serve"
                throw TLSError(.configuration, reason, file: certificate.files.chain)
            }
        }
        return claims
    }

    /// Makes the contexts; each server name is served by the first certificate of each key type, such as RSA, that has
    /// the name.
    ///
    /// All contexts have the same settings, because `SSL_set_SSL_CTX` changes only a connection's certificates.
    init(
        _ certificates: [LoadedCertificate],
        ticketKeys: TicketKeys,
        settings: TLSServerSettings
    ) throws(TLSError) {
        needsServerName = settings.needsServerName
        let authorities: LoadedAuthorities? =
            if let clients = settings.clients {
                try LoadedAuthorities(clients.path, contents: clients.contents)
            } else {
                nil
            }
        let claims = try Self.claims(of: certificates)
        var contexts: [[Int]: TLSContext] = [:]
        func context(for indices: [Int]) throws(TLSError) -> TLSContext {
            if let context = contexts[indices] { return context }
            let context = try TLSContext(
                serving: indices.map { certificates[$0] },
                ticketKeys: ticketKeys,
                settings: settings,
                authorities: authorities
            )
            contexts[indices] = context
            return context
        }
        var exact: [String: TLSContext] = [:]
        var wildcards: [String: TLSContext] = [:]
        for (name, indices) in claims {
            if name.hasPrefix("*.") {
                wildcards[String(name.dropFirst())] = try context(for: indices)
            } else {
                exact[name] = try context(for: indices)
            }
        }
        // The context for unknown names is the context for the first name of the first certificate. It may serve
        // certificates of several key types.
        let companions = certificates[0].names.first.flatMap { claims[$0] } ?? [0]
        first = try context(for: companions)
        self.exact = exact
        self.wildcards = wildcards
        let own = unsafe Unmanaged.passUnretained(self).toOpaque()
        for context in contexts.values {
            unsafe SSL_CTX_set_client_hello_cb(context.raw, chooseContextEarly, own)
            unsafe copenssl_SSL_CTX_set_tlsext_servername_callback(context.raw, chooseContext, own)
        }
    }

    /// The context for a server name; nil when no certificate has that name.
    func context(for serverName: String) -> TLSContext? {
        var name = serverName.lowercased()
        if name.hasSuffix(".") { name.removeLast() }
        if let context = exact[name] { return context }
        // A wildcard matches exactly one label, which must not be empty.
        guard let dot = name.firstIndex(of: "."), dot != name.startIndex else { return nil }
        return wildcards[String(name[dot...])]
    }
}

/// Switches a connection to another context of its listener.
///
/// All contexts of a listener have the same settings for the verification of clients. The function nevertheless sets
/// these settings on the connection again, because `SSL_set_SSL_CTX` might not copy all of them.
@unsafe private func use(_ context: TLSContext, for ssl: OpaquePointer) {
    guard unsafe SSL_get_SSL_CTX(ssl) != context.raw else { return }
    unsafe SSL_set_SSL_CTX(ssl, context.raw)
    unsafe SSL_set_verify(ssl, SSL_CTX_get_verify_mode(context.raw), nil)
    unsafe SSL_set_verify_depth(ssl, SSL_CTX_get_verify_depth(context.raw))
}

/// ClientHello callback: switches the connection to the context for the server name that the client has sent.
///
/// If no certificate has this name and `needsServerName` is set, the callback refuses the client with the alert
/// `unrecognized_name`.
///
/// The switch must come before OpenSSL looks up a session. Otherwise a client could resume a session that began under
/// another name (as in CVE-2025-23419).
private func chooseContextEarly(
    _ ssl: OpaquePointer?,
    alert: UnsafeMutablePointer<CInt>?,
    contexts: UnsafeMutableRawPointer?
) -> CInt {
    guard let ssl = unsafe ssl, let contexts = unsafe contexts else { return SSL_CLIENT_HELLO_SUCCESS }
    var bytes: UnsafePointer<UInt8>?
    var count = 0
    var name: String?
    if unsafe SSL_client_hello_get0_ext(ssl, CUnsignedInt(TLSEXT_TYPE_server_name), &bytes, &count) == 1 {
        name = unsafe serverName(UnsafeBufferPointer(start: bytes, count: count))
    }
    // The unretained pointer is valid, because the connection retains its TLSServerContexts for as long as OpenSSL can
    // call back.
    return unsafe Unmanaged<TLSServerContexts>.fromOpaque(contexts)._withUnsafeGuaranteedRef { contexts in
        if let context = name.flatMap({ contexts.context(for: $0) }) {
            unsafe use(context, for: ssl)
        } else if contexts.needsServerName {
            unsafe alert?.pointee = SSL_AD_UNRECOGNIZED_NAME
            return SSL_CLIENT_HELLO_ERROR
        }
        return SSL_CLIENT_HELLO_SUCCESS
    }
}

/// The host name in a `server_name` extension (RFC 6066 section 3); nil if the extension is malformed.
///
/// OpenSSL itself rejects a ClientHello whose extension is malformed.
private func serverName(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
    // The extension holds a 2-byte list length, a 1-byte type, a 2-byte name length, and the name.
    guard bytes.count > 5, unsafe bytes[2] == UInt8(TLSEXT_NAMETYPE_host_name) else { return nil }
    let length = unsafe Int(bytes[3]) << 8 | Int(bytes[4])
    guard bytes.count >= 5 + length, length <= 255 else { return nil }
    return unsafe String(decoding: UnsafeBufferPointer(rebasing: bytes[5..<5 + length]), as: UTF8.self)
}

/// Server name callback: tells OpenSSL whether a certificate has the client's server name.
///
/// The callback also switches the connection to the context of that name, if `chooseContextEarly` has not.
private func chooseContext(
    _ ssl: OpaquePointer?,
    _: UnsafeMutablePointer<CInt>?,
    contexts: UnsafeMutableRawPointer?
) -> CInt {
    guard let ssl = unsafe ssl, let contexts = unsafe contexts,
        let name = unsafe SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)
    else { return SSL_TLSEXT_ERR_NOACK }
    // The unretained pointer is valid, because the connection retains its TLSServerContexts for as long as OpenSSL can
    // call back.
    return unsafe Unmanaged<TLSServerContexts>.fromOpaque(contexts)._withUnsafeGuaranteedRef { contexts in
        guard let context = unsafe contexts.context(for: String(cString: name)) else { return SSL_TLSEXT_ERR_NOACK }
        unsafe use(context, for: ssl)
        return SSL_TLSEXT_ERR_OK
    }
}
