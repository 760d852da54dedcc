// The interface through which a connection reports that its TLS handshake, or the connection itself, has ended. The
// limits for each client address then no longer count the handshake or the connection.

/// A connection that counts towards the limits of its client's address, `limits.per_address`.
///
/// `ServerConnection` calls these functions on the thread of its worker.
package protocol ConnectionHold: AnyObject {
    /// Called when the TLS handshake of the connection is complete.
    func handshakeEnded()
    /// Called when the connection has ended and its socket is closed; a second call does nothing.
    func end()
}
