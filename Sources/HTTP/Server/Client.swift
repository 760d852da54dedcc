// Who a client is: what limits, logs and metrics read instead of the socket's peer.
package import Transport

/// The client at the other end of a connection.
///
/// Made once a connection, by `ServerConnection`; streams hand it on. Everything above the HTTP layer reads `address`,
/// and nothing above it reads the channel's `peer`.
package struct Client: Sendable, Equatable {
    /// The peer of the socket: the client itself, or the last proxy before us.
    package let peer: SocketAddress
    /// The address to use in limits, logs and metrics.
    ///
    /// The peer's, unless something that may speak for the client says otherwise.
    package let address: SocketAddress
    /// The listener serves our own proxies only (`listeners[].trusted`).
    package let trusted: Bool

    package init(peer: SocketAddress, address: SocketAddress? = nil, trusted: Bool = false) {
        self.peer = peer
        self.address = address ?? peer
        self.trusted = trusted
    }
}
