// Tells the operator of log lines that are lost, while it happens: at once, then at times, and when it is over.
internal import Transport

/// Confined to the control thread, which asks it each second.
struct LogLossReporter {
    /// Between two messages, in nanoseconds.
    static let interval: Nanoseconds = 10_000_000_000

    private var told = 0
    private var seen = 0
    private var lastTold: Nanoseconds?

    /// What there is to say now.
    ///
    /// - Parameters:
    ///   - dropped: lines since the start.
    ///   - reason: why the last of them were dropped.
    mutating func message(dropped: Int, reason: @autoclosure () -> String, at now: Nanoseconds) -> String? {
        defer { seen = dropped }
        if let lastTold, now < lastTold + Self.interval { return nil }
        if dropped > told {
            defer { (told, lastTold) = (dropped, now) }
            return "\(dropped - told) log lines were dropped: \(reason())"
        }
        guard lastTold != nil, dropped == seen else { return nil }
        lastTold = nil
        return "log lines are written again: \(dropped) were dropped in all"
    }
}
