// `bench trace`: sends the requests of a recorded trace at their recorded times, even if earlier requests are not
// answered yet. It measures the times to first token and the hits in the executors' caches.
internal import Transport

/// One run of `bench trace`, on the calling thread.
package final class TraceBench: BenchStreamOwner {
    /// How long the bench waits until its first connections are established.
    private static let connectTimeout: Nanoseconds = 10_000_000_000
    /// The time between two lines on stderr about the progress of the replay.
    private static let progressInterval: Nanoseconds = 10_000_000_000

    private let options: TraceOptions
    private let trace: TraceFile
    private let target: BenchTarget
    private let schedule: TraceSchedule
    private let prompts: TracePrompt
    private let loop = EventLoop()
    private let interrupt: Interrupt
    private let pool: ClientPool
    private let probes: [ExecutorProbe]
    private var running = 0
    private var nextProgress: Nanoseconds = 0
    private var report = TraceReport()

    /// Prepares a run of the benchmark.
    ///
    /// - Throws: when an option is out of range, no request is selected, the thread may not run on the processor
    ///   `options.pin`, TLS cannot be set up, or the URL of an executor is malformed or its host has no address.
    package init(options: TraceOptions, trace: TraceFile, target: BenchTarget) throws(BenchError) {
        if let problem = options.problem { throw BenchError(problem) }
        schedule = TraceSchedule(
            trace,
            speed: options.speed,
            scale: options.scale,
            limit: options.limit,
            seed: options.seed
        )
        guard !schedule.entries.isEmpty else { throw BenchError("\(options.file): --scale takes none of the requests") }
        if let pin = options.pin, !Processors.pin(to: pin) { throw BenchError("processor \(pin) is not ours to have") }
        Sockets.raiseDescriptorLimit()
        self.options = options
        self.trace = trace
        self.target = target
        prompts = TracePrompt(seed: options.seed)
        let dialer = try Dialer(target: target, loop: loop)
        pool = ClientPool { () throws(BenchError) in try dialer.connect() }
        var probes: [ExecutorProbe] = []
        for url in options.executors { probes.append(try ExecutorProbe(url: url, loop: loop)) }
        self.probes = probes
        interrupt = Interrupt(loop: loop)
    }

    /// Replays the trace.
    ///
    /// - Throws: when no connection can be established, or the counters of an executor cannot be read before the run.
    package func run() throws(BenchError) -> TraceReport {
        defer { close() }
        report.url = target.url
        report.spoken = target.wording
        report.command = options.command(format: trace.format, target: target)
        report.traceRequests = trace.requests.count
        report.planned = schedule.entries.count
        for (probe, url) in zip(probes, options.executors) {
            report.executors.append(TraceReport.Executor(url: url, before: try counters(probe, url)))
        }
        try connect()
        StandardError.say("bench: \(report.planned) requests within \(Self.seconds(schedule.entries.last?.due ?? 0))")
        let began = Clock.monotonicNow()
        nextProgress = began + Self.progressInterval
        replay(from: began)
        report.duration = Clock.monotonicNow() - began
        report.isInterrupted = interrupt.isRaised
        report.left = running
        report.connections = pool.opened
        for (index, probe) in probes.enumerated() { readAgain(probe, of: index) }
        return report
    }

    private func close() {
        pool.close()
        for probe in probes { probe.close() }
        loop.turn(waitMax: 0)
    }

    private static func seconds(_ time: Nanoseconds) -> String { "\(Text.fixed(Double(time) / 1e9, digits: 1)) s" }

    /// Opens the first connections, and waits until the server has said how many streams it accepts on each.
    private func connect() throws(BenchError) {
        for _ in 0..<options.connections { try pool.open() }
        let last = Clock.monotonicNow() + Self.connectTimeout
        while pool.isConnecting, Clock.monotonicNow() < last, !interrupt.isRaised { loop.turn(waitMax: 20) }
        if let reason = pool.failure { throw BenchError("\(target.url): \(reason)") }
        if pool.isConnecting, !interrupt.isRaised { throw BenchError("\(target.url): no connection within 10 s") }
    }

    // MARK: The executors' counters

    private func counters(_ probe: ExecutorProbe, _ url: String) throws(BenchError) -> PrefixCounters {
        guard let counters = PrefixCounters(page: try probe.get("/metrics")) else {
            throw BenchError(
                "\(url)/metrics has no vllm:prefix_cache_queries_total and vllm:prefix_cache_hits_total; "
                    + "a simulated executor has them with --cache-tokens"
            )
        }
        return counters
    }

    private func readAgain(_ probe: ExecutorProbe, of index: Int) {
        do throws(BenchError) {
            report.executors[index].after = try counters(probe, report.executors[index].url)
        } catch {
            StandardError.say("bench: \(error)")
        }
    }

    // MARK: The replay

    /// Sends each request of the trace when it is due.
    ///
    /// After the last request is sent, waits for all streams to end, for at most `options.drain` seconds.
    private func replay(from began: Nanoseconds) {
        let entries = schedule.entries
        var next = 0
        var lastSent = began
        while !interrupt.isRaised {
            let now = Clock.monotonicNow()
            if next == entries.count {
                guard running > 0, now < lastSent + Nanoseconds(options.drain * 1e9) else { return }
                loop.turn(waitMax: 20)
            } else if began + entries[next].due <= now {
                send(entries[next].request, due: began + entries[next].due)
                next += 1
                lastSent = now
                // Even if further requests are due already, the loop first reads what has arrived.
                loop.turn(waitMax: 0)
            } else {
                // The wait is rounded down to whole milliseconds. So the loop polls without waiting in the last
                // millisecond, and the request is sent in time.
                loop.turn(waitMax: Int(min((began + entries[next].due - now) / 1_000_000, 50)))
            }
            sayProgress(now)
        }
    }

    private func send(_ index: Int, due: Nanoseconds) {
        let request = options.request(index, of: trace, prompts: prompts)
        report.sent += 1
        report.promptTokens += trace.requests[index].inputTokens
        running += 1
        report.mostRunning = max(report.mostRunning, running)
        let stream = BenchStream(connection: index, owner: self)
        report.late.record(stream.startedAt - due)
        do throws(BenchError) {
            try pool.connection().open(ClientStream(request, handler: stream))
        } catch {
            ended(stream, breakage: .cut, said: error.description)
        }
    }

    private func sayProgress(_ now: Nanoseconds) {
        guard now >= nextProgress else { return }
        nextProgress = now + Self.progressInterval
        StandardError.say("bench: \(report.sent) of \(report.planned) sent, \(running) under way")
    }

    func firstToken(after time: Nanoseconds) { report.firstToken.record(time) }

    func token(latency: Nanoseconds, gap: Nanoseconds?) {}

    func ended(_ stream: BenchStream, breakage: StreamsReport.Breakage?, said: String) {
        running -= 1
        if let breakage {
            report.count(breakage, status: stream.status, said: said)
        } else {
            report.answered += 1
        }
    }
}
