// Why the server ends a client's HTTP/2 connection: the code of the GOAWAY, and a text for the client and the log.
internal import CNghttp2

/// A fault of a client for which the server ends the connection.
enum HTTP2Fault {
    case resets, causedResets, frames, emptyFrames, headerFields, slowHead, settings, refusals
    /// The client sent a frame that breaks RFC 9113.
    case violation(nghttp2_error_code)

    /// The error code of the GOAWAY.
    var code: nghttp2_error_code {
        switch self {
        case .resets, .causedResets, .frames, .emptyFrames, .headerFields, .slowHead, .refusals:
            NGHTTP2_ENHANCE_YOUR_CALM
        case .settings: NGHTTP2_SETTINGS_TIMEOUT
        case .violation(let code): code
        }
    }

    /// The text for the debug data of the GOAWAY and for the `detail` of log lines.
    var words: StaticString {
        switch self {
        case .resets: "HTTP/2: too many resets of streams"
        case .causedResets: "HTTP/2: too many streams that had to be reset"
        case .frames: "HTTP/2: too many frames that ask for nothing"
        case .emptyFrames: "HTTP/2: too many empty DATA frames"
        case .headerFields: "HTTP/2: too many or too large header fields"
        case .slowHead: "HTTP/2: a header block did not arrive in time"
        case .refusals: "HTTP/2: too many requests that had to be refused"
        case .settings: "HTTP/2: SETTINGS were not acknowledged in time"
        case .violation: "HTTP/2: the connection broke the protocol"
        }
    }
}
