// Who a client is. Limits, logs and metrics read this and not the peer of the socket.
package import Transport

/// The client at the other end of a connection.
///
/// `ServerConnection` makes one for each connection, and its streams hand it on. Everything above the HTTP module reads
/// `address`, and nothing above it reads the peer of the channel.
package struct Client: Sendable, Equatable {
    /// The peer of the socket: the client itself, or the last proxy before this server.
    package let peer: SocketAddress
    /// The address to use in limits, logs and metrics.
    ///
    /// It is the peer's, unless a trusted source has named another one.
    package let address: SocketAddress
    /// Whether the listener serves only proxies of the operator (`listeners[].trusted`).
    package let trusted: Bool

    /// - Parameter address: nil to use the peer's.
    package init(peer: SocketAddress, address: SocketAddress? = nil, trusted: Bool = false) {
        self.peer = peer
        self.address = address ?? peer
        self.trusted = trusted
    }
}
