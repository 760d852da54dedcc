// Decides when the operator is warned of lost log lines: at once, then at most every ten seconds, and once when no more
// lines are lost.
internal import Transport

/// Decides which warnings about lost log lines are written; the control thread calls it each second.
struct LogLossReporter {
    /// The minimum time between two messages, in nanoseconds.
    static let interval: Nanoseconds = 10_000_000_000

    /// How many lost lines the operator has been told of so far.
    private var reported = 0
    /// The number of lost lines at the last call of `message`.
    private var seen = 0
    /// When the last warning about lost lines was written; nil before the first warning, and after the operator has
    /// been told that lines are no longer lost.
    private var lastReport: Nanoseconds?

    /// The message to write now; nil if there is none.
    ///
    /// - Parameters:
    ///   - dropped: the number of lines lost since the start of the process.
    ///   - reason: why the last of these lines were lost, as text for the operator.
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
