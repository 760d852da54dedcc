// The client of a connection or of a request. Limits, logs and metrics use its `address`, not the address of the peer.
package import Transport

/// The client that sent a request, or that opened a connection.
///
/// `ServerConnection` makes a `Client` for each connection. It also makes one for each request in which a trusted proxy
/// gives the client's address in a header field. Code outside the HTTP module reads `address` and never the peer
/// address of the channel.
package struct Client: Sendable, Equatable {
    /// The address of the socket's peer, which is the client itself or the last proxy before this server.
    package let peer: SocketAddress
    /// The address to use in limits, logs and metrics.
    ///
    /// The address equals `peer` unless a trusted peer (a proxy) has given another address. It is never an IPv4-mapped
    /// address.
    package let address: SocketAddress
    /// Where `address` comes from.
    package let source: ClientAddressSource
    /// Whether the peer is in `trusted_peers`.
    package let isPeerTrusted: Bool
    /// Whether the connection carries the requests of many users: its listener is `trusted`, or its peer is a proxy in
    /// `trusted_peers` that sends the requests of several clients on one connection.
    package let trusted: Bool

    /// Whether the client is a trusted peer (a proxy) itself, because the peer has named no client.
    package var isTrustedPeer: Bool { isPeerTrusted && source == .peer }

    /// - Parameter address: the address for limits, logs and metrics; nil to use `peer`.
    package init(
        peer: SocketAddress,
        address: SocketAddress? = nil,
        source: ClientAddressSource = .peer,
        isPeerTrusted: Bool = false,
        trusted: Bool = false
    ) {
        self.peer = peer.unmapped
        self.address = address?.unmapped ?? self.peer
        self.source = address == nil ? .peer : source
        self.isPeerTrusted = isPeerTrusted
        self.trusted = trusted
    }
}
