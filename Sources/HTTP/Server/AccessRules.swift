// Which clients a listener serves, by their addresses, and which peers it trusts to give the address of a client.
package import Transport

/// Why the address rules of a listener refuse a client; the raw value is the `reason` label of a metric.
package enum ClientRefusal: String, CaseIterable, Sendable {
    /// The address is in the listener's list `deny`.
    case deny
    /// The listener has a list `allow`, and the address is not in the list.
    case allow
    /// The listener has the setting `trusted_only`, and the peer is not in its list `trusted_peers`.
    case trustedOnly = "trusted_only"
    /// A peer that must send a PROXY header did not send a valid header in time.
    case proxyHeader = "proxy_header"
}

/// The peers that a listener trusts to give the address of a client, in a PROXY header or a header field.
///
/// If a file lists the peers, the list may change while the server runs.
package final class TrustedPeers: Sendable {
    /// The file that lists the peers; nil if the configuration lists them.
    package let path: String?
    private let addresses: Lock<AddressSet>

    package init(_ set: AddressSet, path: String? = nil) {
        self.path = path
        addresses = Lock(set)
    }

    /// Replaces the addresses of the trusted peers.
    package func replace(with new: AddressSet) { addresses.withLock { $0 = new } }

    /// The addresses of the trusted peers that are in force now.
    package var current: AddressSet { addresses.withLock { $0 } }

    package func contains(_ address: SocketAddress) -> Bool { current.contains(address) }
}

/// The rules by which one listener serves or refuses a client, according to its address.
///
/// The rules are applied when a connection is accepted (`refusal(ofPeer:)`), when its PROXY header has been read
/// (`refusal(ofClient:)`), and at the head of each request (`refusal(of:isExempt:)`).
package struct AccessRules: Sendable {
    /// Where the listener reads the addresses of clients; a header counts only if a trusted peer has sent it.
    package var source = ClientAddressSource.peer
    /// The peers that are trusted to give the address of a client; nil if no peer is trusted.
    package var trustedPeers: TrustedPeers?
    /// Whether the listener serves only clients that connect through a trusted peer.
    package var trustedOnly = false
    /// The clients that are served; nil to serve every client that is not in `deny`.
    package var allow: AddressSet?
    /// The clients that are refused, even if they are in `allow`.
    package var deny = AddressSet()
    /// Whether the listener serves health checks and ACME challenges even to clients that `allow` or `trusted_only`
    /// refuses.
    ///
    /// The value is true for listeners without TLS. They apply `allow` and `trusted_only` only at the head of each
    /// request, when the path is known.
    package var hasExemptPaths = false

    package init() {}

    /// Whether the listener trusts this peer to give the address of a client.
    package func trusts(_ peer: SocketAddress) -> Bool { trustedPeers?.contains(peer) ?? false }

    /// Whether the rules allow every client.
    package var isOpen: Bool { allow == nil && deny.isEmpty && !trustedOnly }

    /// Applies the rules to the peer of a connection that has just been accepted.
    ///
    /// - Returns: why the connection must close; nil if it may stay open.
    package func refusal(ofPeer peer: SocketAddress) -> ClientRefusal? {
        if isOpen { return nil }
        let isTrusted = trusts(peer)
        if trustedOnly, !isTrusted, !hasExemptPaths { return .trustedOnly }
        // A trusted peer, such as a proxy, later sends a header with the address of its client, and the rules are then
        // applied to that address. If `source` is `peer`, such headers are not read, and every peer counts as the
        // client.
        return isTrusted && source != .peer ? nil : refusal(ofClient: peer)
    }

    /// Applies the rules to the client of a connection, whose address is known from the peer or from a PROXY header.
    ///
    /// - Returns: why the connection must close; nil if it may stay open.
    package func refusal(ofClient address: SocketAddress) -> ClientRefusal? {
        if !deny.isEmpty, deny.contains(address) { return .deny }
        if let allow, !hasExemptPaths, !allow.contains(address) { return .allow }
        return nil
    }

    /// Applies the rules to the client of a request.
    ///
    /// - Parameter isExempt: whether the request is for a path to which `allow` and `trusted_only` do not apply.
    /// - Returns: why the request must be refused; nil if it may be served.
    package func refusal(of client: Client, isExempt: Bool) -> ClientRefusal? {
        if isOpen { return nil }
        if !deny.isEmpty, deny.contains(client.address) { return .deny }
        if isExempt, hasExemptPaths { return nil }
        if trustedOnly, !client.isPeerTrusted { return .trustedOnly }
        if let allow, !allow.contains(client.address) { return .allow }
        return nil
    }
}
