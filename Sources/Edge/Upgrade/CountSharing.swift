// Applies limits to the sum over all processes of an upgrade: each process publishes what it uses.
internal import Transport

/// Publishes how much of each limit this process uses, and reads how much the other processes of an upgrade use.
///
/// The counts are in a table that all processes share. Attempts and the exchanges of API keys are published when they
/// begin, so their limits are never exceeded. Memory and connections are published every 100 ms. All processes together
/// may exceed these two limits by what they add in that time. Confined to the control thread.
final class CountSharing: TimerTarget {
    /// The time between two searches for free slots at executors, in nanoseconds.
    ///
    /// The searches are necessary because no event reports that another process has freed a slot.
    private static let pumpInterval: Nanoseconds = 20_000_000
    /// The process publishes its memory and connections with each fifth search for free slots, so every 100 ms.
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
    /// Whether the operator was told that the table of shared counts is full.
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

    /// Begins to share counts with the other processes of an upgrade.
    ///
    /// Puts all present counts of this process in the table, and applies limits to the sums over all processes. A
    /// process that is to be replaced calls this function before it starts its successor. The successor calls it with
    /// the table that it has received from its predecessor, before its workers accept connections.
    func begin(_ counts: SharedCounts) {
        self.counts = counts
        running.share(in: counts)
        memory = counts.row(for: "memory")
        connections = counts.row(for: "connections")
        exchange()
        if timer == nil { schedule() }
    }

    /// Stops sharing counts with other processes, because all of them have ended.
    func end() {
        if let timer { loop.timers.cancel(timer) }
        timer = nil
        running.share(in: nil)
        memory?.publish(0)
        connections?.publish(0)
        (memory, connections, counts) = (nil, nil, nil)
        process.budget.setUsedElsewhere(0)
        process.setConnectionsElsewhere(0)
        // The other processes may have freed slots when they ended, and requests here may wait for these slots.
        running.registry.pump(at: loop.now)
    }

    private func schedule() { timer = loop.timers.schedule(at: loop.now + Self.pumpInterval, target: self, kind: 0) }

    func timerFired(_ kind: Int) {
        running.registry.pump(at: loop.now)
        ticks += 1
        if ticks.isMultiple(of: Self.exchangePeriod) { exchange() }
        schedule()
    }

    /// Publishes how much memory and how many connections this process has.
    ///
    /// Also reads these counts of the other processes, so that the limits of this process apply to the sums.
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
