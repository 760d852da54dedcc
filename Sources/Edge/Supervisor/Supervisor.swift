// The control thread, and with it the life of the process: start, ready, drain, end.
package import Configuration
internal import Glibc
internal import HTTP
internal import Routing
internal import Transport

/// The process, from a configuration to its end.
///
/// Confined to the thread that makes it, the control thread.
package final class Supervisor {
    private let environment: [String: String]
    private let signals: Signals
    private let clock: ProcessClock
    private let loop: EventLoop
    private let registry = Registry()
    private let snapshot: Snapshot
    private let listeners: ListenerSet
    private let log: LogSink
    private let process: ProcessState
    private let workers: WorkerThreads
    private let survey: WorkerSurvey
    private let admin: AdminServer
    /// What the workers report to the control thread.
    private let reports = Mailbox<WorkerReport>()
    private var losses = LogLossReporter()
    /// Why the process ends, if a worker could not start.
    private var failure: StartError?
    /// The drain; nil until the process has been asked to end.
    private var drain: DrainReport?

    /// How long the workers have after a second signal to cut what is under way, in nanoseconds.
    private static let cutTimeout: Nanoseconds = 1_000_000_000

    // MARK: Start

    /// Resolves the configuration, checks it against the machine and opens the sockets.
    ///
    /// - Parameter environment: the environment of the process, from which systemd's variables are read.
    /// - Throws: `StartError` if a file cannot be loaded or an address cannot be bound.
    package init(configuration: Configuration, environment: [String: String]) throws(StartError) {
        self.environment = environment
        clock = ProcessClock()
        loop = EventLoop(clock: .process(clock))
        snapshot = registry.resolve(configuration)
        signals = Signals()
        let settings = snapshot.process
        let descriptorLimit = Sockets.raiseDescriptorLimit()
        for warning in StartChecks.descriptorWarnings(settings) { OperatorLog.say(warning, .warning) }
        try StartChecks.loadCertificates(of: snapshot)
        let access = try KeyStoreWatcher.open(settings.authentication)
        let sockets = try ServerSockets(snapshot, environment: environment)
        listeners = sockets.clients
        log = LogSink()
        _ = log.start()
        process = ProcessState(
            budget: MemoryBudget(limit: settings.memoryLimit),
            log: log,
            ticketKeys: TicketKeys { Int64(Clock.monotonicNow() / 1_000_000_000) },
            access: access,
            clock: .process(clock),
            workers: settings.workers,
            gather: settings.gather,
            poller: settings.poller,
            descriptorLimit: descriptorLimit
        )
        workers = WorkerThreads(count: settings.workers)
        survey = WorkerSurvey(loop: loop, workers: process.workers)
        admin = AdminServer(loop: loop, sockets: sockets.admin, process: process, snapshot: snapshot, survey: survey)
    }

    /// Serves until the process has been asked to end by SIGTERM, SIGINT or SIGQUIT, and has drained.
    ///
    /// Exits the process with 1 after a second such signal.
    ///
    /// - Throws: `StartError` if a worker could not start.
    package func run() throws(StartError) {
        loop.attach(reports) { [unowned self] report in handle(report) }
        loop.watch(descriptor: signals.descriptor) { [unowned self] in
            while let signal = signals.next() { handle(signal: signal) }
        }
        let resolver = NameResolver(loop: loop, books: snapshot.addresses) { OperatorLog.say($0, .warning) }
        let prober = HealthProber(snapshot, loop: loop) { [process] in process.postToAll(.engineDied($0, $1)) }
        admin.prober = prober
        let reporter = HealthReporter(snapshot, loop: loop, lastLoss: { prober.lastLoss(at: $0) })
        reporter.start()
        reportPauses()
        reportLogLosses()
        // Clients wait in the backlog until the names of the executors are known, but no longer than `namesTimeout`.
        resolver.start(timeout: StartChecks.namesTimeout) { [unowned self] in
            workers.start(process: process, snapshot: snapshot, listeners: listeners) { [reports] in reports.post($0) }
        }
        loop.run()
        reporter.stop()
        prober.stop()
        resolver.stop()
        try end()
    }

    private func handle(_ report: WorkerReport) {
        switch report {
        case .started:
            if workers.countStarted() { becomeReady() }
        case .failed(let text):
            failure = StartError(description: text)
            process.postToAll(.stop)
        case .stoppedAccepting:
            // From now on the kernel refuses new connections: in the backlog no worker would ever accept them.
            if workers.countStoppedAccepting() { listeners.close() }
        case .answered(let worker, let number, let answer):
            survey.answered(worker: worker, number: number, answer)
        case .counted(let worker, let counters):
            admin.collector.ended(worker: worker, counters)
        case .ended(let worker):
            survey.ended(worker: worker)
            let isLast = workers.countEnded()
            admin.workers = workers.serving
            if isLast { loop.stop() }
        }
    }

    // MARK: Ready

    private func becomeReady() {
        for (index, plan) in snapshot.listeners.enumerated() {
            let kind = (plan.isSecure ? " (TLS)" : "") + (listeners.isInherited[index] ? ", inherited" : "")
            OperatorLog.say("listening on \(listeners.addresses[index])\(kind)")
        }
        admin.workers = workers.serving
        if admin.state == .starting { admin.state = .ready }
        OperatorLog.say("listening on \(admin.address) (admin)")
        OperatorLog.say("ready")
        ServiceNotifier.notify("READY=1", environment: environment)
    }

    /// Warns at the end of each turn in which the clock has found a pause of the whole process.
    private func reportPauses() {
        var reported: Nanoseconds = 0
        loop.onTurnEnd = { [clock] in
            let paused = clock.paused
            guard paused > reported else { return }
            let milliseconds = (paused - reported) / 1_000_000
            OperatorLog.warn("the process was paused for about \(milliseconds) ms: deadlines are moved")
            reported = paused
        }
    }

    /// Checks each second whether log lines were dropped, and warns of them while the cause can still be removed.
    private func reportLogLosses() {
        if let text = losses.message(dropped: log.dropped, reason: log.reason, at: loop.now) { OperatorLog.warn(text) }
        _ = loop.timers.schedule(
            at: loop.now + 1_000_000_000,
            target: TimerClosure { [unowned self] in reportLogLosses() },
            kind: 0
        )
    }

    // MARK: Drain

    /// What the operator reads about a signal that has no effect; nil for those that end the process.
    static func ignored(_ signal: CInt) -> String? {
        switch signal {
        case SIGHUP: "SIGHUP is ignored: reload is not available in this version"
        case SIGUSR1: "SIGUSR1 is ignored: the log is stdout, there is no file to open again"
        case SIGUSR2: "SIGUSR2 is ignored: it has no meaning in this version"
        default: nil
        }
    }

    private func handle(signal number: CInt) {
        if let reason = Self.ignored(number) {
            OperatorLog.say(reason)
        } else if drain == nil {
            beginDraining()
        } else {
            cut()
        }
    }

    /// The first signal: the workers accept no more connections, and requests under way have `drain_timeout` to end.
    private func beginDraining() {
        let load = process.load
        drain = DrainReport(began: loop.now)
        admin.state = .draining
        ServiceNotifier.notify("STOPPING=1", environment: environment)
        guard workers.areStarted else {
            // The names of executors are still being resolved: no client has been served.
            loop.stop()
            return
        }
        let timeout = snapshot.process.drainTimeout
        OperatorLog.say(
            "draining \(load.exchanges) exchanges on \(load.connections) connections for up to "
                + "\(timeout / 1_000_000_000) s"
        )
        process.postToAll(.drain)
        _ = loop.timers.schedule(
            at: loop.now + timeout,
            target: TimerClosure { [unowned self] in
                drain?.expired(process.load.exchanges)
                process.postToAll(.expire)
            },
            kind: 0
        )
    }

    /// The second signal: what is under way is cut, and logged.
    ///
    /// A third one ends the process at once.
    private func cut() {
        guard drain?.isCut == false, workers.areStarted else {
            OperatorLog.say("a third signal: ending at once, without the last lines of the log")
            // `exit` would call handlers that destroy what the workers, still running, use.
            _exit(1)
        }
        let exchanges = process.load.exchanges
        OperatorLog.say("a second signal: cutting \(exchanges) exchanges")
        drain?.cut(exchanges)
        process.postToAll(.cut)
        _ = loop.timers.schedule(at: loop.now + Self.cutTimeout, target: TimerClosure { _exit(1) }, kind: 0)
    }

    // MARK: End

    /// Closes what is left, writes the rest of the log and says how the drain went.
    private func end() throws(StartError) {
        admin.close()
        workers.join()
        if !workers.haveAllStoppedAccepting { listeners.close() }
        log.endWaiting()
        if log.dropped > 0 { OperatorLog.warn("\(log.dropped) log lines were dropped in all: \(log.reason)") }
        if let failure { throw failure }
        guard let drain else { return }
        OperatorLog.say(drain.text(at: loop.now), drain.cutCount > 0 ? .warning : .information)
        if drain.isCut { _exit(1) }
    }
}
