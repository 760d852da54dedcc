// The interface through which a connection reports its end to the limits per address.

/// The count of one connection against the limits of its client's address.
///
/// `ServerConnection` calls it on the thread of its worker.
package protocol ConnectionHold: AnyObject {
    /// The TLS handshake of the connection is complete.
    func handshakeEnded()
    /// The connection has ended, and its socket is closed; a second call does nothing.
    func end()
}
