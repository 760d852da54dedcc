// Counters against HTTP/2 clients that make work without asking for responses.
internal import Transport

/// How often one client may do what costs the server more than it costs the client.
///
/// A connection that exceeds one of these limits is ended with ENHANCE_YOUR_CALM; each function returns false then.
/// nghttp2's own limiter does not replace them: it stops once any GOAWAY was submitted, and it does not count the
/// resets that the server sends.
struct HTTP2Abuse {
    private var resetsReceived: HTTP2Allowance
    private var resetsSent = HTTP2Allowance(burst: 100, perSecond: 10)
    private var controlFrames: HTTP2Allowance
    private var emptyFrames = 0

    private static let emptyFramesMax = 10

    /// - Parameter isTrusted: the client is a proxy of ours, which carries many users.
    init(isTrusted: Bool) {
        resetsReceived = HTTP2Allowance(burst: isTrusted ? 2000 : 200, perSecond: isTrusted ? 200 : 20)
        controlFrames = HTTP2Allowance(burst: isTrusted ? 20_000 : 4000, perSecond: isTrusted ? 5000 : 1000)
    }

    /// Counts a stream that the client reset before its response was whole.
    ///
    /// An SDK may reset a stream after `[DONE]`, which is no abuse.
    mutating func resetReceived(now: Nanoseconds) -> Bool { resetsReceived.take(now: now) }

    /// Counts a stream that the server reset for a fault of the client.
    mutating func resetSent(now: Nanoseconds) -> Bool { resetsSent.take(now: now) }

    /// Counts a frame that asks for nothing: PING, SETTINGS, PRIORITY, WINDOW_UPDATE, RST_STREAM or an unknown type.
    mutating func controlFrame(now: Nanoseconds) -> Bool { controlFrames.take(now: now) }

    /// Credits the client with two control frames: it answers each DATA frame of ours with up to two WINDOW_UPDATEs.
    mutating func dataSent() { controlFrames.giveBack(2) }

    /// Counts DATA frames in a row that carry no bytes and do not end their stream.
    mutating func data(isEmpty: Bool) -> Bool {
        emptyFrames = isEmpty ? emptyFrames + 1 : 0
        return emptyFrames <= Self.emptyFramesMax
    }
}
