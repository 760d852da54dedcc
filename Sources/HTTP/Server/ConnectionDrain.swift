// Why a worker thread ends its connections. The reason decides how long the connections may still wait for requests.

/// The way in which a worker thread ends its open connections, once it accepts no new connections.
package enum ConnectionDrain: Sendable {
    /// The server ends: a connection closes as soon as it has no request under way.
    case stopping
    /// A successor process accepts the new connections from now on, and the clients must not notice the change.
    ///
    /// The next response head on an HTTP/1.1 connection has `connection: close`, and the connection closes after that
    /// response. If no further request arrives, the connection closes at its usual idle timeout. An HTTP/2 connection
    /// gets its GOAWAYs when no stream is open, or at the latest `HTTP2ServerSession.shutdownNoticeDelay` after the
    /// client has opened another stream.
    case handedOver
}
