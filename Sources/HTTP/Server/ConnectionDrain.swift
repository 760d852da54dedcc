// Why a worker thread ends its connections. The reason decides how long the connections may still wait for requests.

/// The way in which a worker thread ends its open connections, once it accepts no new connections.
package enum ConnectionDrain: Sendable {
    /// The server ends: a connection closes soon after its last request has ended.
    ///
    /// A client that has just connected still gets a short time for its first request.
    case stopping
    /// A successor process accepts the new connections from now on, and the clients must not notice the change.
    ///
    /// The next response head on an HTTP/1.1 connection has `connection: close`, and the connection closes after that
    /// response. If no further request arrives, the connection closes at its usual idle timeout. On an HTTP/2
    /// connection, the server sends a GOAWAY, which only announces the end, once no stream is open, but at the latest
    /// `HTTP2ServerSession.shutdownNoticeDelay` after the client has opened a further stream. The server does not
    /// send this GOAWAY as long as the connection has had no stream.
    case handedOver
}
