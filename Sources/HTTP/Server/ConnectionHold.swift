// The interface through which a connection reports that its TLS handshake, or the connection itself, has ended. The
// limits for each client address then no longer count the handshake or the connection.

/// One connection in the counts of its client's address, which `limits.per_address` limits.
///
/// `ServerConnection` calls these functions on the thread of its worker.
package protocol ConnectionHold: AnyObject {
    /// The TLS handshake of the connection is complete.
    func handshakeEnded()
    /// The connection has ended, and its socket is closed; a second call does nothing.
    func end()
}
