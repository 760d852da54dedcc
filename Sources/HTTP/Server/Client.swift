// The client of a connection. Limits, logs and metrics use its `address`, and not the peer address of the socket.
package import Transport

/// The client at the other end of a connection.
///
/// `ServerConnection` makes a `Client` for each connection, and `ServerStream.client` returns it. Code outside the HTTP
/// module reads `address` and never the peer address of the channel.
package struct Client: Sendable, Equatable {
    /// The address of the socket's peer, which is the client itself or the last proxy before this server.
    package let peer: SocketAddress
    /// The address to use in limits, logs and metrics.
    ///
    /// The address equals `peer` unless a trusted source has given another address.
    package let address: SocketAddress
    /// Whether the listener is reserved for proxies of the operator (`listeners[].trusted`).
    package let trusted: Bool

    /// - Parameter address: the address for limits, logs and metrics; nil to use `peer`.
    package init(peer: SocketAddress, address: SocketAddress? = nil, trusted: Bool = false) {
        self.peer = peer
        self.address = address ?? peer
        self.trusted = trusted
    }
}
