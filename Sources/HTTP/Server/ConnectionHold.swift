// The interface through which a connection tells the limits per address that its handshake or the connection has ended.

/// The count of one connection against the limits of its client's address.
///
/// `ServerConnection` calls these functions on the thread of its worker.
package protocol ConnectionHold: AnyObject {
    /// The TLS handshake of the connection is complete.
    func handshakeEnded()
    /// The connection has ended, and its socket is closed; a second call does nothing.
    func end()
}
