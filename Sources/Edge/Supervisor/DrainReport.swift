// How a drain went, in one line for the operator.
internal import Transport

/// Confined to the control thread.
struct DrainReport {
    /// In nanoseconds, when the process was told to end.
    let began: Nanoseconds
    /// Under way at that moment.
    var exchanges = 0
    /// Exchanges that had not ended by themselves.
    private(set) var cutCount = 0
    private(set) var isExpired = false
    /// A second signal has come.
    private(set) var isCut = false

    init(began: Nanoseconds) {
        self.began = began
    }

    /// `drain_timeout` is over while so many exchanges are under way.
    mutating func expired(_ exchanges: Int) {
        isExpired = true
        cutCount = exchanges
    }

    /// A second signal has come while so many exchanges are under way.
    mutating func cut(_ exchanges: Int) {
        isCut = true
        cutCount = max(cutCount, exchanges)
    }

    /// What there is to say once all workers have ended.
    func text(at now: Nanoseconds) -> String {
        let tenths = (now &- began) / 100_000_000
        let time = "after \(tenths / 10).\(tenths % 10) s"
        guard cutCount > 0 else { return "stopped \(time): every exchange had ended" }
        let why = isCut ? "by a second signal" : "since drain_timeout was over"
        return "stopped \(time): \(cutCount) exchange\(cutCount == 1 ? " was" : "s were") cut \(why)"
    }
}
