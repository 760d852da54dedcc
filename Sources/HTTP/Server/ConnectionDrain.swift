// Why a connection has to end, which decides how long it may still wait for requests.

/// How the connections of a worker that accepts no more connections end.
package enum ConnectionDrain: Sendable {
    /// The server ends: a connection closes as soon as it has no request under way.
    case stopping
    /// Another process accepts the connections from now on, and no client may notice it.
    ///
    /// An HTTP/1.1 connection is told by `connection: close` in its next response, and closes after that response or
    /// at its usual idle timeout. An HTTP/2 connection gets its GOAWAYs when no stream is under way, or at the latest
    /// `HTTP2ServerSession.announcementDelay` after the client has opened another stream.
    case handedOver
}
