// The tool `bench aborts`. For each phase of an exchange, it measures the time from a client's disconnect until the
// executor notices that its request was aborted.
internal import Glibc
internal import Transport

/// One run of `bench aborts`, on the calling thread.
///
/// A phase is a point in an exchange, such as the arrival of its first event. The bench measures one phase after the
/// other: for each phase, it resets streams that have reached this point.
package final class AbortsBench: AbortStreamOwner, TimerTarget {
    /// How long the bench waits for the executor to report all aborts, after it has reset the last stream of a phase.
    private static let abortTimeout: Nanoseconds = 3_000_000_000
    /// How long the bench waits after it has reset the last stream of the phase `body`.
    ///
    /// In this phase, the bench does not wait until the executor has reported all aborts. Clients disconnect before
    /// they have sent the whole body, and a server that reads the whole body first has not contacted the executor yet.
    /// The executor then has no abort to report.
    private static let quietPeriod: Nanoseconds = 500_000_000
    /// If the bench could not reset any stream for this long, it ends the phase early.
    private static let stallMax: Nanoseconds = 10_000_000_000

    private let options: AbortsOptions
    private let target: BenchTarget
    private let executorURL: String
    private let loop = EventLoop()
    private let dialer: Dialer
    private let probe: ExecutorProbe
    private let interrupt: Interrupt
    private var report = AbortsReport()

    /// The results for the phase of an exchange that the bench measures now.
    private var figures = AbortsReport.Figures(phase: .body)
    private var isOpening = false
    private var started = 0
    /// The open streams, oldest first.
    private var open: [AbortStream] = []
    /// The streams that the bench has reset but whose abort the executor has not reported yet, by request id.
    private var left: [String: AbortStream] = [:]
    private var connections: [any ClientConnection] = []
    private var streamsOnLast = 0
    private var lastReset: Nanoseconds = 0
    private var sequence = 0
    private var nextTick: Nanoseconds = 0

    /// Prepares a run of the bench.
    ///
    /// - Parameter executor: the URL of the simulated executor, which reports the aborts that it has noticed.
    /// - Throws: when an option is out of range, or the target or the executor cannot be used.
    package init(options: AbortsOptions, target: BenchTarget, executor: String) throws(BenchError) {
        guard options.count > 0, options.streams > 0, options.perConnection > 0, !options.phases.isEmpty else {
            throw BenchError("a phase, a reset and a stream are the least")
        }
        if let pin = options.pin, !Processors.pin(to: pin) { throw BenchError("processor \(pin) is not ours to have") }
        Sockets.raiseDescriptorLimit()
        self.options = options
        self.target = target
        executorURL = executor
        dialer = try Dialer(target: target, loop: loop)
        probe = try ExecutorProbe(url: executor, loop: loop)
        interrupt = Interrupt(loop: loop)
    }

    /// Measures all phases, and returns the results.
    ///
    /// - Throws: when no stream of a phase could be reset, or when the executor does not respond.
    package func run() throws(BenchError) -> AbortsReport {
        report.url = target.url
        report.executor = executorURL
        report.spoken = target.wording
        sequence = try probe.aborts(since: 0).map(\.sequence).max() ?? 0
        for phase in options.phases where !interrupt.isRaised { try run(phase) }
        report.isInterrupted = interrupt.isRaised
        probe.close()
        loop.turn(waitMax: 0)
        return report
    }

    private func run(_ phase: AbortPhase) throws(BenchError) {
        figures = AbortsReport.Figures(phase: phase)
        started = 0
        let before = try probe.requests()
        isOpening = true
        lastReset = Clock.monotonicNow()
        nextTick = lastReset
        scheduleTick(after: 0)
        while figures.resets < options.count, !interrupt.isRaised, Clock.monotonicNow() < lastReset + Self.stallMax {
            pump(50)
            try collect()
        }
        isOpening = false
        let last = lastReset + (phase == .body ? Self.quietPeriod : Self.abortTimeout)
        while Clock.monotonicNow() < last, !interrupt.isRaised, phase == .body || !left.isEmpty {
            pump(50)
            try collect()
        }
        figures.requests = try probe.requests() - before
        report.figures.append(figures)
        if figures.resets == 0, !interrupt.isRaised {
            throw BenchError("\(phase.rawValue): no stream came so far: \(report.sample ?? "they stay silent")")
        }
        finishPhase()
    }

    private func finishPhase() {
        open = []
        left = [:]
        for connection in connections { connection.close() }
        connections = []
        streamsOnLast = 0
        // The server aborts the remaining requests when the connections close. The bench waits here, so that these
        // aborts are not counted in the next phase.
        pump(100)
    }

    private func pump(_ milliseconds: Nanoseconds) {
        let due = Clock.monotonicNow() + milliseconds * 1_000_000
        while Clock.monotonicNow() < due { loop.turn(waitMax: 5) }
    }

    private func collect() throws(BenchError) {
        for seen in try probe.aborts(since: sequence) {
            sequence = max(sequence, seen.sequence)
            guard let stream = left.removeValue(forKey: seen.requestID) else { continue }
            figures.executorPhases[seen.phase, default: 0] += 1
            guard let resetAt = stream.stream?.resetAt else { continue }
            figures.delay.record(seen.at > resetAt ? seen.at - resetAt : 0)
        }
    }

    // MARK: Ticks, each of which opens one stream and resets another

    private func scheduleTick(after delay: Nanoseconds) {
        nextTick = max(nextTick + delay, Clock.monotonicNow())
        _ = loop.timers.schedule(at: nextTick, target: self, kind: 0)
    }

    package func timerFired(_ kind: Int) {
        guard isOpening else { return }
        openOne()
        let now = Clock.monotonicNow()
        if open.count >= options.streams || started >= streamsMax || figures.phase == .body,
            let ripe = open.firstIndex(where: { $0.isRipe(at: now) })
        {
            reset(open.remove(at: ripe))
        }
        scheduleTick(after: options.spacing)
    }

    /// The maximum number of streams that the bench opens in one phase.
    ///
    /// For each stream that ends before the bench could reset it, the bench opens one more, but at most `options.count`
    /// more.
    private var streamsMax: Int { options.count + min(figures.endedBefore, options.count) }

    private func openOne() {
        guard open.count < options.streams, started < streamsMax else { return }
        started += 1
        let id = "bench-\(getpid())-\(figures.phase.rawValue)-\(started)"
        let stream = AbortStream(phase: figures.phase, id: id, owner: self)
        open.append(stream)
        do throws(BenchError) {
            stream.open(options.request(figures.phase, id: id), on: try connection())
        } catch {
            endedBefore(stream, said: error.description)
        }
    }

    private func connection() throws(BenchError) -> any ClientConnection {
        if target.version == .http2, let last = connections.last, last.isUsable, streamsOnLast < options.perConnection {
            streamsOnLast += 1
            return last
        }
        let made = try dialer.connect()
        connections.append(made)
        streamsOnLast = 1
        return made
    }

    private func reset(_ stream: AbortStream) {
        guard figures.resets < options.count else { return }
        left[stream.id] = stream
        figures.resets += 1
        lastReset = Clock.monotonicNow()
        stream.reset()
    }

    func ripened(_ stream: AbortStream) {
        guard isOpening, let index = open.firstIndex(where: { $0 === stream }) else { return }
        reset(open.remove(at: index))
    }

    func endedBefore(_ stream: AbortStream, said: String) {
        guard isOpening, let index = open.firstIndex(where: { $0 === stream }) else { return }
        open.remove(at: index)
        figures.endedBefore += 1
        if report.sample == nil { report.sample = "\(figures.phase.rawValue): \(said)" }
    }
}
