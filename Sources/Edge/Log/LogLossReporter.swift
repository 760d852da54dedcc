// When the operator is warned of lost log lines: at once, then every ten seconds, and when no more are lost.
internal import Transport

/// Decides which warnings of lost log lines are written; confined to the control thread, which calls it each second.
struct LogLossReporter {
    /// The least time between two messages, in nanoseconds.
    static let interval: Nanoseconds = 10_000_000_000

    /// The number of lost lines that the messages so far have reported.
    private var reported = 0
    /// The number of lost lines at the last call.
    private var seen = 0
    /// When the last message was written; nil while no lines are being lost.
    private var lastReport: Nanoseconds?

    /// The message to write now; nil if there is none.
    ///
    /// - Parameters:
    ///   - dropped: the number of lines lost since the start.
    ///   - reason: why the last of them were lost.
    mutating func message(dropped: Int, reason: @autoclosure () -> String, at now: Nanoseconds) -> String? {
        defer { seen = dropped }
        if let lastReport, now < lastReport + Self.interval { return nil }
        if dropped > reported {
            defer { (reported, lastReport) = (dropped, now) }
            return "\(dropped - reported) log lines were dropped: \(reason())"
        }
        guard lastReport != nil, dropped == seen else { return nil }
        lastReport = nil
        return "log lines are written again: \(dropped) were dropped in all"
    }
}
