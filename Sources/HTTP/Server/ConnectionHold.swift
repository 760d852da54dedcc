// What a connection holds of limits that other connections share, until the connection ends.

/// Counts one connection against the limits of its client's address.
///
/// `ServerConnection` calls it on the thread of its worker.
package protocol ConnectionHold: AnyObject {
    /// The TLS handshake of the connection is complete.
    func handshakeEnded()
    /// The connection has ended, and its socket is closed; a second call does nothing.
    func end()
}
