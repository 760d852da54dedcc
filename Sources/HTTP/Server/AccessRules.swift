// Which peers of a listener are believed, and which clients it serves.
package import Transport

/// Why a client is not served because of its address; the raw value is the `reason` label of a metric.
package enum ClientRefusal: String, CaseIterable, Sendable {
    /// The address is in `deny`.
    case deny
    /// The listener has `allow`, and the address is not in it.
    case allow
    /// The listener has `trusted_only`, and the peer is not in `trusted_peers`.
    case trustedOnly = "trusted_only"
    /// A peer that must send a PROXY header sent none in time, or an invalid one.
    case proxyHeader = "proxy_header"
}

/// The peers that a listener believes; the list may be replaced while the server runs, because it may come from a file.
package final class TrustedPeers: Sendable {
    /// The file that lists the peers; nil if the configuration lists them.
    package let path: String?
    private let addresses: Lock<AddressSet>

    package init(_ set: AddressSet, path: String? = nil) {
        self.path = path
        addresses = Lock(set)
    }

    /// Replaces the list.
    package func replace(with new: AddressSet) { addresses.withLock { $0 = new } }

    /// The list that is in force now.
    package var current: AddressSet { addresses.withLock { $0 } }

    package func contains(_ address: SocketAddress) -> Bool { current.contains(address) }
}

/// The rules of one listener about the addresses of peers and clients.
///
/// The rules are asked when a connection is accepted (`refusal(ofPeer:)`), when its PROXY header has been read
/// (`refusal(ofClient:)`), and at the head of each request (`refusal(of:isExempt:)`).
package struct AccessRules: Sendable {
    /// Where the addresses of clients come from; believed only from trusted peers.
    package var source = ClientAddressSource.peer
    /// The peers that are believed; nil if there are none.
    package var trustedPeers: TrustedPeers?
    /// Whether peers that are not trusted are refused.
    package var trustedOnly = false
    /// The clients that are served; nil if all clients are served that `deny` does not have.
    package var allow: AddressSet?
    /// The clients that are not served, even if `allow` has them.
    package var deny = AddressSet()
    /// Whether the listener serves some paths to clients that `allow` and `trusted_only` refuse.
    ///
    /// These two rules are then asked at the head of each request only. It is so on listeners without TLS.
    package var hasExemptPaths = false

    package init() {}

    /// Whether the peer is believed about the addresses of clients.
    package func trusts(_ peer: SocketAddress) -> Bool { trustedPeers?.contains(peer) ?? false }

    /// Whether no rule refuses any client.
    package var isOpen: Bool { allow == nil && deny.isEmpty && !trustedOnly }

    /// Judges the peer of a connection that has just been accepted.
    ///
    /// - Returns: why the connection is closed; nil if it goes on.
    package func refusal(ofPeer peer: SocketAddress) -> ClientRefusal? {
        if isOpen { return nil }
        let isTrusted = trusts(peer)
        if trustedOnly, !isTrusted, !hasExemptPaths { return .trustedOnly }
        // The address of a trusted peer is not that of its clients, unless the listener takes peers for clients.
        return isTrusted && source != .peer ? nil : refusal(ofClient: peer)
    }

    /// Judges the client of a connection, whose address is known from the peer or from a PROXY header.
    ///
    /// - Returns: why the connection is closed; nil if it goes on.
    package func refusal(ofClient address: SocketAddress) -> ClientRefusal? {
        if !deny.isEmpty, deny.contains(address) { return .deny }
        if let allow, !hasExemptPaths, !allow.contains(address) { return .allow }
        return nil
    }

    /// Judges the client of a request.
    ///
    /// - Parameter isExempt: whether the request is for a path that `allow` and `trusted_only` do not concern.
    /// - Returns: why the request is refused; nil if it is served.
    package func refusal(of client: Client, isExempt: Bool) -> ClientRefusal? {
        if isOpen { return nil }
        if !deny.isEmpty, deny.contains(client.address) { return .deny }
        if isExempt, hasExemptPaths { return nil }
        if trustedOnly, !client.isPeerTrusted { return .trustedOnly }
        if let allow, !allow.contains(client.address) { return .allow }
        return nil
    }
}
