// An SSL_CTX with this server's settings: TLS versions, ciphers, modes, session tickets. Each worker thread makes its
// own contexts.

internal import COpenSSL

/// An SSL_CTX, which holds the settings that many TLS connections share.
///
/// Confined to the thread that made it.
@safe package final class TLSContext {
    let raw: OpaquePointer
    /// The ticket keys, retained because the ticket callback reaches them through an unretained pointer in the SSL_CTX.
    private let ticketKeys: TicketKeys?
    let verifiesPeer: Bool

    private init(_ method: OpaquePointer, ticketKeys: TicketKeys?, verifiesPeer: Bool) {
        guard let raw = unsafe SSL_CTX_new(method) else { fatalError("OpenSSL cannot make a context") }
        unsafe self.raw = unsafe raw
        self.ticketKeys = ticketKeys
        self.verifiesPeer = verifiesPeer
        applyCommonSettings()
    }

    deinit { unsafe SSL_CTX_free(raw) }

    private func applyCommonSettings() {
        let set =
            unsafe copenssl_SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION) == 1
            && copenssl_SSL_CTX_set_max_proto_version(raw, TLS1_3_VERSION) == 1
            && SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1
            // AES-128 is preferred because it encrypts a block in 10 rounds, where AES-256 needs 14.
            && SSL_CTX_set_ciphersuites(
                raw,
                "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
            ) == 1
            && copenssl_SSL_CTX_set1_groups_list(raw, "X25519:P-256:P-384") == 1
        precondition(set, "this OpenSSL lacks our protocol versions, ciphers or groups")
        unsafe SSL_CTX_set_options(
            raw,
            copenssl_OP_NO_RENEGOTIATION | copenssl_OP_CIPHER_SERVER_PREFERENCE | copenssl_OP_PRIORITIZE_CHACHA
                | copenssl_OP_IGNORE_UNEXPECTED_EOF | copenssl_OP_NO_COMPRESSION
        )
        unsafe copenssl_SSL_CTX_set_mode(raw, copenssl_MODES)
        unsafe copenssl_SSL_CTX_set_session_cache_mode(raw, Int(SSL_SESS_CACHE_OFF))
    }

    // MARK: Server

    /// The TLS contexts of one listener: one context for each set of certificates that serve the same names.
    ///
    /// A client that sends an unknown server name, or none, is refused if `TLSServerSettings.needsServerName` is true.
    /// Otherwise it gets the first certificate, or one with another type of key for the first name of that certificate.
    ///
    /// - Throws: when `certificates` is empty, when a certificate or a file of authorities cannot be read or used, or
    ///   when OpenSSL knows none of the groups for the key exchange (`settings.groups`).
    package static func server(
        certificates: [CertificateFiles],
        ticketKeys: TicketKeys,
        settings: TLSServerSettings = TLSServerSettings()
    ) throws(TLSError) -> TLSServerContexts {
        var loaded: [LoadedCertificate] = []
        for files in certificates { loaded.append(try LoadedCertificate(files)) }
        return try server(loaded, ticketKeys: ticketKeys, settings: settings)
    }

    /// The TLS contexts of one listener, from the contents of certificate files that the caller has already read.
    ///
    /// - Throws: when `certificates` is empty, when a certificate or a file of authorities is unusable, or when OpenSSL
    ///   knows none of the groups for the key exchange (`settings.groups`).
    package static func server(
        certificates: [CertificateContents],
        ticketKeys: TicketKeys,
        settings: TLSServerSettings = TLSServerSettings()
    ) throws(TLSError) -> TLSServerContexts {
        var loaded: [LoadedCertificate] = []
        for contents in certificates { loaded.append(try LoadedCertificate(contents)) }
        return try server(loaded, ticketKeys: ticketKeys, settings: settings)
    }

    private static func server(
        _ loaded: [LoadedCertificate],
        ticketKeys: TicketKeys,
        settings: TLSServerSettings
    ) throws(TLSError) -> TLSServerContexts {
        guard !loaded.isEmpty else { throw TLSError(.configuration, "a TLS listener needs a certificate") }
        return try TLSServerContexts(loaded, ticketKeys: ticketKeys, settings: settings)
    }

    /// A server-side context that serves `certificates`, at most one for each key type.
    ///
    /// - Parameter authorities: the certificates of `settings.clients`; nil if clients are not asked for a certificate.
    convenience init(
        serving certificates: [LoadedCertificate],
        ticketKeys: TicketKeys,
        settings: TLSServerSettings = TLSServerSettings(),
        authorities: LoadedAuthorities? = nil
    ) throws(TLSError) {
        unsafe self.init(TLS_server_method(), ticketKeys: ticketKeys, verifiesPeer: false)
        let groups = TLSServerSettings.usable(settings.groups).joined(separator: ":")
        guard !groups.isEmpty else { throw TLSError(.configuration, "OpenSSL knows none of the groups") }
        let isSet =
            unsafe copenssl_SSL_CTX_set_min_proto_version(raw, settings.minimum.number) == 1
            && copenssl_SSL_CTX_set1_groups_list(raw, groups) == 1
        precondition(isSet, "this OpenSSL lacks a version or groups that it knew before")
        for certificate in certificates {
            let used = unsafe SSL_CTX_use_cert_and_key(
                raw,
                certificate.chain.leaf.raw,
                certificate.key.raw,
                certificate.chain.intermediates.raw,
                0
            )
            guard used == 1 else { throw TLSError.refused(certificate.files) }
        }
        // A client that resumes a session does not verify the server's certificate again. So a session must be resumed
        // only where the same names are served. For this purpose, the session ID context is a hash that covers the
        // certificates' names. The hash is the same on every worker, and also after a certificate was renewed.
        let id = Self.sessionContext(of: certificates, clients: settings.clients)
        unsafe precondition(SSL_CTX_set_session_id_context(raw, id, CUnsignedInt(id.count)) == 1)
        unsafe copenssl_SSL_CTX_set_app_data(raw, Unmanaged.passUnretained(ticketKeys).toOpaque())
        unsafe SSL_CTX_set_tlsext_ticket_key_evp_cb(raw, ticketKeyCallback)
        unsafe SSL_CTX_set_timeout(raw, Int(TicketKeys.ticketLifetime))
        unsafe SSL_CTX_set_num_tickets(raw, 1)
        if let authorities, let clients = settings.clients {
            verifyClients(authorities, isRequired: clients.isRequired)
        }
        if settings.offersHTTP2 {
            unsafe SSL_CTX_set_alpn_select_cb(raw, selectProtocol, nil)
        } else {
            unsafe SSL_CTX_set_alpn_select_cb(raw, selectHTTP1, nil)
        }
    }

    /// The session ID context: a SHA-256 hash of the certificates' DNS names and of the rules for client certificates.
    private static func sessionContext(of certificates: [LoadedCertificate], clients: ClientAuthorities?) -> [UInt8] {
        // A line end is a safe separator because no DNS name contains one.
        let text = Set(certificates.flatMap(\.names)).sorted().joined(separator: "\n")
        var names = Array(text.utf8)
        if let clients {
            names += Array(clients.isRequired ? "\n\nrequired\n".utf8 : "\n\noptional\n".utf8)
            names += clients.contents
        }
        var digest = [UInt8](repeating: 0, count: 32)
        let length = unsafe EVP_Q_digest(nil, "SHA256", nil, names, names.count, &digest, nil)
        precondition(length == 1, "OpenSSL without SHA-256")
        return digest
    }

    // MARK: Client

    /// A client-side context.
    ///
    /// - Parameters:
    ///   - caFile: a PEM file of trusted certificate authorities; nil to trust those of the system.
    ///   - verify: whether to refuse a server whose certificate is invalid; if false, every server is accepted, but
    ///     `TLSConnection.verifyError` still reports why a certificate is invalid.
    ///   - alpn: the application protocols to offer, in order of preference.
    /// - Throws: when the authorities cannot be loaded, or a protocol name is empty or longer than 255 bytes.
    package static func client(caFile: String?, verify: Bool, alpn: [String]) throws(TLSError) -> TLSContext {
        ERR_clear_error()
        let context = unsafe TLSContext(TLS_client_method(), ticketKeys: nil, verifiesPeer: verify)
        unsafe SSL_CTX_set_verify(context.raw, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
        if let caFile {
            guard unsafe SSL_CTX_load_verify_file(context.raw, caFile) == 1 else {
                throw TLSError.fromQueue(.file, file: caFile, fallback: "holds no certificate authority")
            }
        } else if verify, unsafe SSL_CTX_set_default_verify_paths(context.raw) != 1 {
            throw TLSError.fromQueue(.configuration, fallback: "the system's certificate authorities do not load")
        }
        try context.offer(alpn)
        return context
    }

    /// Offers application protocols by ALPN (RFC 7301), in order of preference.
    ///
    /// An empty list sends no ALPN extension.
    private func offer(_ protocols: [String]) throws(TLSError) {
        var offer: [UInt8] = []
        for name in protocols {
            guard (1...255).contains(name.utf8.count) else { throw TLSError(.configuration, "a bad ALPN name") }
            offer.append(UInt8(name.utf8.count))
            offer.append(contentsOf: name.utf8)
        }
        guard !offer.isEmpty else { return }
        // SSL_CTX_set_alpn_protos returns 0 on success, unlike most functions of OpenSSL.
        let set = unsafe SSL_CTX_set_alpn_protos(raw, offer, CUnsignedInt(offer.count))
        guard set == 0 else { throw TLSError.fromQueue(.configuration) }
    }
}

/// ALPN callback that chooses h2 if the client offers it, and otherwise http/1.1.
private func selectProtocol(
    _: OpaquePointer?,
    chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    chosenLength: UnsafeMutablePointer<UInt8>?,
    offer: UnsafePointer<UInt8>?,
    offerLength: CUnsignedInt,
    _: UnsafeMutableRawPointer?
) -> CInt { unsafe select([.h2, .http11], chosen, chosenLength, offer, offerLength) }

/// ALPN callback that chooses http/1.1 only.
private func selectHTTP1(
    _: OpaquePointer?,
    chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    chosenLength: UnsafeMutablePointer<UInt8>?,
    offer: UnsafePointer<UInt8>?,
    offerLength: CUnsignedInt,
    _: UnsafeMutableRawPointer?
) -> CInt { unsafe select([.http11], chosen, chosenLength, offer, offerLength) }

/// Chooses the first of `candidates` that the client offers; fails the handshake if it offers none (RFC 7301).
private func select(
    _ candidates: [ALPN],
    _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ chosenLength: UnsafeMutablePointer<UInt8>?,
    _ offer: UnsafePointer<UInt8>?,
    _ offerLength: CUnsignedInt
) -> CInt {
    guard let chosen = unsafe chosen, let chosenLength = unsafe chosenLength, let offer = unsafe offer else {
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }
    let list = unsafe UnsafeBufferPointer(start: offer, count: Int(offerLength))
    for candidate in candidates {
        var index = 0
        while index < list.count {
            let length = unsafe Int(list[index])
            guard index + length < list.count else { break }
            let name = unsafe UnsafeBufferPointer(rebasing: list[(index + 1)..<(index + 1 + length)])
            if unsafe ALPN(name) == candidate {
                unsafe chosen.pointee = name.baseAddress
                unsafe chosenLength.pointee = UInt8(length)
                return SSL_TLSEXT_ERR_OK
            }
            index += 1 + length
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL
}
