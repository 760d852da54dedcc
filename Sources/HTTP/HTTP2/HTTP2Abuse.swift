// Limits against HTTP/2 clients that cause work for the server without sending requests that it must answer.
internal import Transport

/// Limits how often the client of one connection does something that costs the server more than it costs the client.
///
/// Each function returns false when its limit is exceeded. The session then ends the connection with ENHANCE_YOUR_CALM.
/// The rate limit of nghttp2 does not suffice. It is off after a GOAWAY, and it does not count the resets that the
/// server sends.
struct HTTP2Abuse {
    private var resetsReceived: HTTP2Allowance
    private var resetsSent = HTTP2Allowance(burst: 100, perSecond: 10)
    private var controlFrames: HTTP2Allowance
    private var emptyFrames = 0

    private static let emptyFramesMax = 10

    /// - Parameter isTrusted: whether the client is a proxy of the operator, which sends the requests of many users.
    init(isTrusted: Bool) {
        resetsReceived = HTTP2Allowance(burst: isTrusted ? 2000 : 200, perSecond: isTrusted ? 200 : 20)
        controlFrames = HTTP2Allowance(burst: isTrusted ? 20_000 : 4000, perSecond: isTrusted ? 5000 : 1000)
    }

    /// Counts a stream that the client reset before its response was complete.
    ///
    /// The limit allows some of these resets, because an SDK may reset a stream after the event `[DONE]`.
    mutating func resetReceived(now: Nanoseconds) -> Bool { resetsReceived.take(now: now) }

    /// Counts a stream that the server reset for a fault of the client.
    mutating func resetSent(now: Nanoseconds) -> Bool { resetsSent.take(now: now) }

    /// Counts a frame that is not part of a request: PING, SETTINGS, PRIORITY, WINDOW_UPDATE, RST_STREAM, or a frame of
    /// an unknown type.
    mutating func controlFrame(now: Nanoseconds) -> Bool { controlFrames.take(now: now) }

    /// Allows the client two more control frames, because the server has sent a DATA frame.
    ///
    /// A client answers a DATA frame with up to two WINDOW_UPDATE frames.
    mutating func dataSent() { controlFrames.giveBack(2) }

    /// Counts consecutive DATA frames that carry no bytes and do not end their stream.
    ///
    /// - Parameter isEmpty: whether the next DATA frame is such a frame; if not, the count begins again at 0.
    mutating func data(isEmpty: Bool) -> Bool {
        emptyFrames = isEmpty ? emptyFrames + 1 : 0
        return emptyFrames <= Self.emptyFramesMax
    }
}
