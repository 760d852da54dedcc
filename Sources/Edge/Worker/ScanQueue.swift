// The queue of the scan thread: which of the waiting bodies is scanned next.

/// The waiting jobs, in an order that gives each caller (an API key, or a client's address) an equal share of the
/// scanned bytes.
///
/// The order is that of self-clocked fair queueing (Golestani, 1994), with a clock that counts bytes instead of time.
/// Each caller's first job has a due reading: the reading of the clock when the job became the first, plus the size of
/// the job in bytes. `pop` removes the job with the lowest due reading, and sets the clock to this reading.
///
/// A smaller body therefore waits for at most one large body of another caller, however many that caller has sent. A
/// large body does not wait forever, because the clock moves on with each job. The jobs of one caller are served in
/// order.
///
/// The queue has no maximum length: the memory budget limits how many bodies wait.
struct ScanQueue<Job> {
    private struct Line {
        var jobs: [(job: Job, bytes: Int)] = []
        /// The reading of the queue's clock, which counts scanned bytes, when `jobs[0]` became the caller's first job.
        ///
        /// `charge` adds to it, so that the caller's jobs wait longer.
        var start: Int
        /// A running number, which is lower for a caller that came to the queue earlier.
        ///
        /// If `start` plus the size of the first job is the same for two callers, `pop` removes the job of the caller
        /// with the lower number.
        var arrival: Int
    }

    private var lines: [String: Line] = [:]
    private var clock = 0
    private var arrivals = 0
    private(set) var count = 0

    /// Appends a job.
    ///
    /// - Parameters:
    ///   - bytes: the size of the body, as a measure of the work.
    ///   - caller: the id of the caller's API key, or the client's address.
    mutating func push(_ job: Job, bytes: Int, of caller: String) {
        arrivals += 1
        var line = lines.removeValue(forKey: caller) ?? Line(start: clock, arrival: arrivals)
        line.jobs.append((job, bytes))
        lines[caller] = line
        count += 1
    }

    /// Removes and returns the next job; nil if no job waits.
    mutating func pop() -> (job: Job, caller: String)? {
        let waiting = lines.filter { !$0.value.jobs.isEmpty }
        let next = waiting.min { Self.due($0.value) < Self.due($1.value) }
        guard let (caller, line) = next else { return nil }
        clock = max(clock, Self.due(line).clock)
        var rest = line
        let job = rest.jobs.removeFirst().job
        rest.start = clock
        lines[caller] = rest.jobs.isEmpty ? nil : rest
        count -= 1
        lines = lines.filter { !$0.value.jobs.isEmpty || $0.value.start > clock }
        if count == 0 { clear() }
        return (job, caller)
    }

    /// Lets a caller's later jobs wait longer, because one of its jobs was more work than the size of its body showed.
    ///
    /// - Parameter bytes: the additional work: how many bytes longer the body became when it was decoded.
    mutating func charge(_ bytes: Int, to caller: String) {
        // If no job waits, the work has delayed no other caller, so the caller's next job need not wait longer.
        guard count > 0, bytes > 0 else { return }
        arrivals += 1
        lines[caller, default: Line(start: clock, arrival: arrivals)].start += bytes
    }

    private static func due(_ line: Line) -> (clock: Int, arrival: Int) {
        (line.start + (line.jobs.first?.bytes ?? 0), line.arrival)
    }

    private mutating func clear() {
        lines = [:]
        clock = 0
    }
}
