// How much an executor takes at once: what the operator said, or what its own refusals have taught.
internal import Transport

/// Of one executor; a value of its pool.
struct ExecutorLoad: Sendable {
    /// What was learnt is forgotten after so long without another refusal: executors are restarted with other limits.
    static let learntFor: Nanoseconds = 30_000_000_000
    /// An executor that runs nothing of ours and refuses all the same is left alone for so long, if it says nothing.
    static let pauseDefault: Nanoseconds = 1_000_000_000
    static let pauseMax: Nanoseconds = 60_000_000_000

    private let runningMax: Int?
    private var learnt: (running: Int, until: Nanoseconds)?
    private var pausedUntil: Nanoseconds = 0

    init(runningMax: Int?) { self.runningMax = runningMax }

    /// How long it is still to be left alone.
    func pause(at now: Nanoseconds) -> Nanoseconds { pausedUntil > now ? pausedUntil - now : 0 }

    func takesMore(running: Int, at now: Nanoseconds) -> Bool {
        guard now >= pausedUntil, running < runningMax ?? .max else { return false }
        guard let learnt, now < learnt.until else { return true }
        return running < learnt.running
    }

    /// It answered 429 while it ran `running` others of ours.
    mutating func refused(running: Int, pause: Nanoseconds?, at now: Nanoseconds) {
        learnt = (running: max(1, running), until: now + Self.learntFor)
        let wanted = pause ?? (running < 1 ? Self.pauseDefault : 0)
        pausedUntil = max(pausedUntil, now + min(wanted, Self.pauseMax))
    }
}

/// How fast places come free: what a wait is predicted by.
struct GrantPace: Sendable {
    /// Fewer than so many grants tell nothing.
    private static let samplesMin = 3
    private var mean: Double = 0
    private var samples = 0
    private var last: Nanoseconds = 0

    /// A place has been given to somebody who waited.
    mutating func granted(at now: Nanoseconds) {
        // A worker's clock may be a turn behind another's.
        defer { last = max(last, now) }
        guard last > 0 else { return }
        let interval = now > last ? Double(now - last) : 0
        mean = samples == 0 ? interval : mean * 0.8 + interval * 0.2
        samples += 1
    }

    /// Nobody waits any more: the time until the next grant says nothing of the pace.
    mutating func idle() { last = 0 }

    /// How long somebody waits who has so many before him; nil while nobody knows.
    func wait(behind ahead: Int) -> Nanoseconds? {
        guard samples >= Self.samplesMin else { return nil }
        return Nanoseconds(mean * Double(ahead + 1))
    }
}
