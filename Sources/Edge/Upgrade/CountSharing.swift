// Shares what this process uses of its limits with the other processes of an upgrade, for as long as there are any.
internal import Transport

/// Publishes the counts of this process in a table of shared counts, and applies those of the others; confined to the
/// control thread.
///
/// Attempts and exchanges of keys are published when they begin, and their limits are never exceeded. Memory and
/// connections are published each 100 ms, so that their limits may be exceeded by what begins in this time.
final class CountSharing: TimerTarget {
    /// How often free slots are looked for, because no event reports a slot that another process has freed.
    private static let pumpInterval: Nanoseconds = 20_000_000
    /// After how many times of `pumpInterval` memory and connections are published.
    private static let exchangePeriod = 5

    private let loop: EventLoop
    private let running: RunningConfiguration
    private let process: ProcessState
    private let say: (String, LogPriority) -> Void
    /// The table in which this process publishes its counts; nil while it shares them with no other process.
    private(set) var counts: SharedCounts?
    private var memory: SharedCounts.Row?
    private var connections: SharedCounts.Row?
    private var timer: TimerID?
    private var ticks = 0
    /// Whether the operator was told that the table is full.
    private var isFullReported = false

    /// - Parameter say: writes a line for the operator.
    init(
        loop: EventLoop,
        running: RunningConfiguration,
        process: ProcessState,
        say: @escaping (String, LogPriority) -> Void = { OperatorLog.say($0, $1) }
    ) {
        self.loop = loop
        self.running = running
        self.process = process
        self.say = say
    }

    /// Begins to share: afterwards all present counts are in the table, and limits hold over all processes.
    ///
    /// A process that hands over calls this function before it starts its successor. A successor calls it with the
    /// table that it has adopted, before its workers accept connections.
    func begin(_ counts: SharedCounts) {
        self.counts = counts
        running.share(in: counts)
        memory = counts.row(for: "memory")
        connections = counts.row(for: "connections")
        exchange()
        if timer == nil { schedule() }
    }

    /// Ends sharing, because all other processes have ended.
    func end() {
        if let timer { loop.timers.cancel(timer) }
        timer = nil
        running.share(in: nil)
        memory?.publish(0)
        connections?.publish(0)
        (memory, connections, counts) = (nil, nil, nil)
        process.budget.setUsedElsewhere(0)
        process.setConnectionsElsewhere(0)
        // A slot for which requests wait may be one that the last of the other processes has freed.
        running.registry.pump(at: loop.now)
    }

    private func schedule() { timer = loop.timers.schedule(at: loop.now + Self.pumpInterval, target: self, kind: 0) }

    func timerFired(_ kind: Int) {
        running.registry.pump(at: loop.now)
        ticks += 1
        if ticks.isMultiple(of: Self.exchangePeriod) { exchange() }
        schedule()
    }

    /// Publishes memory and connections, and applies those of the other processes.
    private func exchange() {
        memory?.publish(process.budget.used)
        connections?.publish(process.connectionCount)
        process.budget.setUsedElsewhere(memory?.others ?? 0)
        process.setConnectionsElsewhere(connections?.others ?? 0)
        guard counts?.isFull == true, !isFullReported else { return }
        isFullReported = true
        say(
            "warning: too many executors and keys share their counts: some limits hold for each process alone",
            .warning
        )
    }
}
