// The result of a drain, in one line for the operator.
internal import Transport

/// Collects facts about the end of the process, for one line in the operator's log; confined to the control thread.
struct DrainReport {
    /// When the process was asked to end, or handed over to a successor, in nanoseconds of the control loop's clock.
    let began: Nanoseconds
    /// The setting that limits how long exchanges may continue: `drain_timeout`, or `upgrade_drain` after an upgrade.
    var limit: String
    /// How many exchanges this process ended before they were complete.
    ///
    /// The process ends exchanges when the time that the setting `limit` allows has passed, or when a second signal
    /// arrives.
    private(set) var cutCount = 0
    /// Whether the drain has lasted as long as the setting named in `limit` allows.
    private(set) var isExpired = false
    /// Whether a second signal has ended the exchanges under way.
    private(set) var isCut = false

    init(began: Nanoseconds, limit: String) {
        self.began = began
        self.limit = limit
    }

    /// Records that the allowed time has passed while this many exchanges were under way.
    mutating func expired(_ exchanges: Int) {
        isExpired = true
        cutCount = exchanges
    }

    /// Records that a second signal has come while this many exchanges were under way.
    mutating func cut(_ exchanges: Int) {
        isCut = true
        cutCount = max(cutCount, exchanges)
    }

    /// The line for the operator, once all workers have ended.
    func text(at now: Nanoseconds) -> String {
        let tenths = (now &- began) / 100_000_000
        let time = "after \(tenths / 10).\(tenths % 10) s"
        guard cutCount > 0 else { return "stopped \(time): every exchange had ended" }
        let why = isCut ? "by a second signal" : "since \(limit) was over"
        return "stopped \(time): \(cutCount) exchange\(cutCount == 1 ? " was" : "s were") cut \(why)"
    }
}
