// The order and the times of the prefills of one executor. A prefill is the computation of a prompt; one runs at a
// time.
internal import Transport

/// The prefills of one executor: one runs, the others wait in the order of their arrival.
///
/// The queue has no clock; callers say what time it is. A prefill that waited begins when the one before it was due to
/// end, even if the caller reports that end late.
struct PrefillQueue<Member: AnyObject> {
    private var line: [(member: Member, arrival: Nanoseconds)] = []
    private var running: (member: Member, end: Nanoseconds)?
    /// When the last prefill ended or was given up; the next prefill does not begin earlier.
    private var freeAt: Nanoseconds = 0

    /// How many prefills wait.
    var waiting: Int { line.count }
    /// When the running prefill ends; nil if none runs.
    var end: Nanoseconds? { running?.end }
    /// The member (a simulated exchange) whose prefill can start now; nil if a prefill runs, or if none waits.
    var next: Member? { running == nil ? line.first?.member : nil }

    /// Adds a member (a simulated exchange whose prompt must be computed) at the end of the line.
    mutating func add(_ member: Member, at now: Nanoseconds) { line.append((member, now)) }

    /// Starts the prefill (the computation of a prompt) that has waited longest.
    ///
    /// - Parameter duration: how long the prefill takes. The time begins when the prefill was added, or when the
    ///   prefill before it ended, whichever is later.
    mutating func start(for duration: Nanoseconds) {
        precondition(next != nil, "a prefill runs already, or none waits")
        let first = line.removeFirst()
        running = (first.member, max(freeAt, first.arrival) + duration)
    }

    /// Removes and returns the member (a simulated exchange) whose prefill runs, if the prefill has ended.
    mutating func takeEnded(at now: Nanoseconds) -> Member? {
        guard let running, running.end <= now else { return nil }
        freeAt = running.end
        self.running = nil
        return running.member
    }

    /// Removes a member whose prefill waits or runs; if it ran, the next prefill can start at once.
    ///
    /// - Returns: false if the member was not in the queue.
    mutating func remove(_ member: Member, at now: Nanoseconds) -> Bool {
        if let running, running.member === member {
            freeAt = min(now, running.end)
            self.running = nil
            return true
        }
        guard let index = line.firstIndex(where: { $0.member === member }) else { return false }
        line.remove(at: index)
        return true
    }

    /// Removes all prefills, both the one that runs and those that wait.
    mutating func removeAll() {
        line = []
        running = nil
    }
}
