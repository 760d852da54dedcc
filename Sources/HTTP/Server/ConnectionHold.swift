// The interface through which a connection reports that its TLS handshake, or the connection itself, has ended. The
// limits per client address then no longer count it.

/// The entry of one connection in the counts that are limited for each client address (`limits.per_address`).
///
/// `ServerConnection` calls these functions on the thread of its worker.
package protocol ConnectionHold: AnyObject {
    /// The TLS handshake of the connection is complete.
    func handshakeEnded()
    /// The connection has ended, and its socket is closed; a second call does nothing.
    func end()
}
