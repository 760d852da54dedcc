// `bench streams`: opens connections and streams, keeps the streams running, and measures their tokens after a warm-up.
internal import Glibc
internal import Transport

/// One run of `bench streams`, on the calling thread.
package final class StreamsBench: BenchStreamOwner {
    /// How long the bench waits before it replaces a broken stream.
    private static let retryDelay: Nanoseconds = 100_000_000
    /// How long the bench waits, after the time of the warm-up is over, for streams that have had no token yet.
    private static let beginTimeout: Nanoseconds = 10_000_000_000

    /// One of the concurrent streams; when the stream ends, the bench opens a new stream in the same slot.
    private struct Slot {
        var connection: (any ClientConnection)?
        var stream: BenchStream?
        var retryAt: Nanoseconds = 0
    }

    private let options: StreamsOptions
    private let target: BenchTarget
    private let loop = EventLoop()
    private let dialer: Dialer
    private let interrupt: Interrupt
    private let request: ClientRequest
    /// The HTTP/2 connections, each of which carries several streams.
    ///
    /// With HTTP/1.1, the array is not used, because each stream has a connection of its own in `slots`.
    private var shared: [(any ClientConnection)?]
    private var slots: [Slot]
    /// The indices in `slots` at which a stream has ended; the bench opens a new stream at each of them.
    private var idle: [Int] = []
    private var isMeasuring = false
    private var isOver = false
    private var report = StreamsReport()

    /// Prepares a run.
    ///
    /// - Throws: when an option is out of range, or the target cannot be used.
    package init(options: StreamsOptions, target: BenchTarget) throws(BenchError) {
        guard options.connections > 0, options.streams > 0, options.total <= 100_000 else {
            throw BenchError("connections x streams is between 1 and 100000")
        }
        if let pin = options.pin, !Processors.pin(to: pin) { throw BenchError("processor \(pin) is not ours to have") }
        Sockets.raiseDescriptorLimit()
        self.options = options
        self.target = target
        dialer = try Dialer(target: target, loop: loop)
        interrupt = Interrupt(loop: loop)
        request = options.request()
        shared = Array(repeating: nil, count: options.connections)
        slots = Array(repeating: Slot(), count: options.total)
    }

    /// Runs the warm-up and the measurement.
    ///
    /// - Throws: when no stream has received a token at the end of `warmUp`.
    package func run() throws(BenchError) -> StreamsReport {
        report.url = target.url
        report.spoken = target.wording
        report.connections = options.connections
        report.streams = options.streams
        defer { closeAll() }
        try warmUp()
        measure()
        pump(until: Clock.monotonicNow() + Self.nanoseconds(options.hold))
        return report
    }

    private static func nanoseconds(_ seconds: Double) -> Nanoseconds { Nanoseconds(max(0, seconds) * 1e9) }

    // MARK: The parts of a run

    /// Opens all streams during the first half of the warm-up, and lets them run until its end.
    ///
    /// If a stream has had no token by then, the bench waits until all streams have had one, but at most for
    /// `beginTimeout`.
    private func warmUp() throws(BenchError) {
        let began = Clock.monotonicNow()
        let duration = Self.nanoseconds(options.warmup)
        let opening = max(1, duration / 2)
        var opened = 0
        while opened < slots.count, !interrupt.isRaised {
            let elapsed = Clock.monotonicNow() - began
            let due = elapsed >= opening ? slots.count : Int(UInt64(slots.count) * elapsed / opening) + 1
            while opened < min(due, slots.count) {
                // Streams opened one after the other use different connections, so all connections get streams at the
                // same rate.
                open(opened)
                opened += 1
            }
            turn(waitMax: 2)
        }
        pump(until: began + duration)
        let last = Clock.monotonicNow() + Self.beginTimeout
        while running < slots.count, Clock.monotonicNow() < last, !interrupt.isRaised { turn(waitMax: 20) }
        if report.firstToken.count == 0, !interrupt.isRaised {
            throw BenchError("no token came from \(target.url): \(report.sample ?? "the streams stay silent")")
        }
    }

    private func measure() {
        report.runningAtStart = running
        let spent = Self.processorTime()
        StandardError.say("bench: measuring")
        report.measuredFrom = Clock.monotonicNow()
        isMeasuring = !interrupt.isRaised
        pump(until: report.measuredFrom + Self.nanoseconds(options.seconds))
        isMeasuring = false
        report.measuredTo = Clock.monotonicNow()
        StandardError.say("bench: measured")
        report.processorTime = Self.processorTime() - spent
        report.runningAtEnd = running
        report.isInterrupted = interrupt.isRaised
    }

    private func pump(until due: Nanoseconds) {
        while !interrupt.isRaised {
            let now = Clock.monotonicNow()
            guard now < due else { return }
            turn(waitMax: Int(min((due - now) / 1_000_000 + 1, 50)))
        }
    }

    private func turn(waitMax: Int) {
        loop.turn(waitMax: waitMax)
        guard !idle.isEmpty else { return }
        let now = Clock.monotonicNow()
        let batch = idle
        idle = []
        for index in batch {
            if slots[index].retryAt <= now { open(index) } else { idle.append(index) }
        }
    }

    private var running: Int { slots.reduce(0) { $0 + ($1.stream?.isRunning == true ? 1 : 0) } }

    private func closeAll() {
        isOver = true
        for slot in slots { slot.connection?.close() }
        for connection in shared { connection?.close() }
        loop.turn(waitMax: 0)
    }

    private static func processorTime() -> Nanoseconds {
        var time = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    // MARK: Streams

    private func open(_ index: Int) {
        let stream = BenchStream(connection: index, owner: self)
        slots[index].stream = stream
        report.started += 1
        do throws(BenchError) {
            try connection(for: index).open(ClientStream(request, handler: stream))
        } catch {
            report.connectionsLost += 1
            ended(stream, breakage: .cut, said: error.description)
        }
    }

    private func connection(for index: Int) throws(BenchError) -> any ClientConnection {
        guard target.version == .http2 else {
            if let kept = slots[index].connection, kept.isUsable { return kept }
            let made = try dialer.connect()
            slots[index].connection = made
            return made
        }
        let number = index % options.connections
        if let kept = shared[number] {
            if kept.isUsable { return kept }
            report.connectionsLost += 1
        }
        let made = try dialer.connect()
        shared[number] = made
        return made
    }

    func firstToken(after time: Nanoseconds) { report.firstToken.record(time) }

    func token(latency: Nanoseconds, gap: Nanoseconds?) {
        guard isMeasuring else { return }
        report.tokens += 1
        report.latency.record(latency)
        if let gap { report.gap.record(gap) }
    }

    func ended(_ stream: BenchStream, breakage: StreamsReport.Breakage?, said: String) {
        guard !isOver else { return }
        let index = stream.connection
        slots[index].stream = nil
        if let breakage {
            report.broken[breakage, default: 0] += 1
            if report.sample == nil { report.sample = said }
            slots[index].retryAt = Clock.monotonicNow() + Self.retryDelay
        } else {
            report.finished += 1
            slots[index].retryAt = 0
        }
        idle.append(index)
    }
}
