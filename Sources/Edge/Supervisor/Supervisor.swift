// The control thread: opens the sockets, starts the workers, listens to signals, ends everything in order.
internal import CLinux
package import Configuration
internal import Glibc
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// Why the server could not start.
package struct StartError: Error, CustomStringConvertible {
    package var description: String
}

/// The process, from a configuration to its end.
///
/// Runs on the thread that calls it.
package final class Supervisor {
    private let configuration: Configuration
    private let environment: [String: String]
    private let clock = ProcessClock()
    private let loop: EventLoop
    private let registry = Registry()
    private let snapshot: Snapshot
    private let reports = Mailbox<WorkerReport>()
    private var threads: [Transport.Thread] = []
    private var started = 0
    private var ended = 0
    private var quiet = 0
    private var failure: StartError?
    /// Nil until the process is told to end.
    private var drain: DrainReport?
    private var losses = LogLossReporter()
    private var admin: AdminServer?
    private var survey: WorkerSurvey?

    /// How long the start waits for names that do not resolve.
    private static let namesPatience: Nanoseconds = 2_000_000_000

    package init(configuration: Configuration, environment: [String: String]) {
        self.configuration = configuration
        self.environment = environment
        loop = EventLoop(clock: .process(clock))
        snapshot = registry.resolve(configuration)
    }

    /// Serves until SIGTERM, SIGINT or SIGQUIT has been obeyed.
    package func run() throws(StartError) {
        let signals = Signals()
        let descriptorLimit = Sockets.raiseDescriptorLimit()
        let workers = Self.workerCount(configuration)
        for problem in Self.descriptorProblems(configuration) { OperatorLog.say(problem, .warning) }
        for plan in snapshot.listeners { try Self.checkCertificates(of: plan) }
        if let problem = Self.authorityProblems(configuration).first { throw StartError(description: problem) }
        let access = try KeyStoreWatcher.open(configuration.authentication)
        let listeners = try openListeners(workers: workers)
        let adminSockets = try openAdmin(closing: listeners)
        let log = LogSink()
        _ = log.start()
        let process = ProcessState(
            budget: MemoryBudget(limit: configuration.memoryLimitBytes),
            log: log,
            ticketKeys: TicketKeys { Int64(Clock.monotonicNow() / 1_000_000_000) },
            access: access,
            clock: .process(clock),
            workers: workers,
            gather: Gather(configuration.gather),
            poller: configuration.poller == .epoll ? .epoll : .auto,
            descriptorLimit: descriptorLimit
        )

        let survey = WorkerSurvey(loop: loop, workers: process.workers)
        let admin = AdminServer(loop: loop, sockets: adminSockets, process: process, snapshot: snapshot, survey: survey)
        self.survey = survey
        self.admin = admin
        loop.attach(reports) { [unowned self] report in handle(report, process: process, listeners: listeners) }
        loop.watch(descriptor: signals.descriptor) { [unowned self] in
            while let signal = signals.next() { handle(signal: signal, process: process) }
        }
        let resolver = NameResolver(loop: loop, books: snapshot.addresses) { OperatorLog.say($0, .warning) }
        let prober = HealthProber(snapshot, loop: loop) { process.postToAll(.engineDied($0, $1)) }
        admin.prober = prober
        let reporter = HealthReporter(snapshot, loop: loop, lastLoss: { prober.lastLoss(at: $0) })
        reporter.start()
        tellOfPauses()
        tellOfLosses(of: log)
        // Until the names are known clients wait in the backlog: but not for long, and not for ever.
        resolver.start(patience: Self.namesPatience) { [unowned self] in
            for index in 0..<workers { startWorker(index, process: process, listeners: listeners) }
        }
        loop.run()
        reporter.stop()
        prober.stop()
        resolver.stop()
        admin.close()
        for thread in threads { thread.join() }
        if quiet < workers { listeners.close() }
        log.endWaiting()
        if log.dropped > 0 { OperatorLog.warn("\(log.dropped) log lines were dropped in all: \(log.reason)") }
        if let failure { throw failure }
        guard let drain else { return }
        OperatorLog.say(drain.text(at: loop.now), drain.cutCount > 0 ? .warning : .information)
        if drain.isCut { _exit(1) }
    }

    private func tellOfPauses() {
        var told: Nanoseconds = 0
        loop.onTurnEnd = { [clock] in
            let paused = clock.paused
            guard paused > told else { return }
            OperatorLog.warn("the process was paused for about \((paused - told) / 1_000_000) ms: deadlines are moved")
            told = paused
        }
    }

    /// Each second: a disk that is full, or a pipe that nobody reads, is told of while it can be mended.
    private func tellOfLosses(of log: LogSink) {
        if let text = losses.message(dropped: log.dropped, reason: log.reason, at: loop.now) { OperatorLog.warn(text) }
        _ = loop.timers.schedule(
            at: loop.now + 1_000_000_000,
            target: TimerClosure { [unowned self] in tellOfLosses(of: log) },
            kind: 0
        )
    }

    private static func workerCount(_ configuration: Configuration) -> Int {
        switch configuration.workers {
        case .auto: Processors.available
        case .count(let count): count
        }
    }

    private static func start<R, E: Error>(_ body: () throws(E) -> R) throws(StartError) -> R {
        do throws(E) { return try body() } catch { throw StartError(description: "\(error)") }
    }

    /// Workers load certificates each for itself; what is wrong with them is found here first.
    private static func checkCertificates(of plan: ListenerPlan) throws(StartError) {
        _ = try start { () throws(TLSError) in try plan.makeContexts(TicketKeys { 0 }) }
    }

    /// Files of certificate authorities for executors that cannot be loaded.
    private static func authorityProblems(_ configuration: Configuration) -> [String] {
        let files = Set(configuration.models.flatMap(\.executors).compactMap(\.certificateAuthorityPath))
        return files.sorted().compactMap { ExecutorEnvironment.problem(withAuthorities: $0)?.description }
    }

    /// Whether the process has descriptors for `max_connections`, for `check` and for the start.
    package static func descriptorProblems(
        _ configuration: Configuration,
        limit: Int = Sockets.descriptorLimit
    ) -> [String] {
        let most = ConnectionRoom.descriptors(ofLimit: limit, workers: workerCount(configuration))
        guard configuration.maxConnections > most else { return [] }
        let allowed = "RLIMIT_NOFILE is \(limit), of which executors keep a quarter"
        return ["warning: max_connections: \(most) may come in, not \(configuration.maxConnections): \(allowed)"]
    }

    /// What there is to say of executors' names that do not resolve now, for `check`.
    ///
    /// Waits for them as long as a start would.
    package static func nameProblems(_ configuration: Configuration) -> [String] {
        let loop = EventLoop()
        var problems: [String] = []
        let books = Registry().resolve(configuration).addresses
        let resolver = NameResolver(loop: loop, books: books) { problems.append($0) }
        var isSettled = false
        resolver.start(patience: namesPatience) { isSettled = true }
        while !isSettled { loop.turn() }
        resolver.stop()
        loop.dismantle()
        return problems
    }

    private func openListeners(workers: Int) throws(StartError) -> ListenerSet {
        var addresses: [SocketAddress] = []
        for listener in configuration.listeners {
            guard let address = SocketAddress(listener.address) else {
                throw StartError(description: "cannot listen on \(listener.address)")
            }
            addresses.append(address)
        }
        let inherited = ListenerSet.inherited(from: environment)
        let unclaimed = ListenerSet.unclaimed(inherited, addresses: addresses)
        guard unclaimed.isEmpty else {
            let names = unclaimed.joined(separator: ", ")
            throw StartError(description: "no listener of the configuration has the inherited socket \(names)")
        }
        return try Self.start { () throws(ListenerSet.Failure) in
            try ListenerSet(
                addresses: addresses,
                workers: workers,
                inherited: inherited,
                access: configuration.listeners.map(\.socketAccess)
            )
        }
    }

    /// The admin listener's socket; beside it nothing stays open when it cannot be had.
    private func openAdmin(closing listeners: ListenerSet) throws(StartError) -> ListenerSet {
        guard let address = SocketAddress(configuration.admin.address) else {
            listeners.close()
            throw StartError(description: "cannot listen on \(configuration.admin.address)")
        }
        do throws(ListenerSet.Failure) {
            return try ListenerSet(addresses: [address], workers: 1, access: [configuration.admin.socketAccess])
        } catch {
            listeners.close()
            throw StartError(description: "admin.address: \(error)")
        }
    }

    private func startWorker(_ index: Int, process: ProcessState, listeners: ListenerSet) {
        let (reports, snapshot) = (reports, snapshot)
        threads.append(
            Transport.Thread(name: "worker-\(index)") {
                do throws(TLSError) {
                    let worker = try Worker(
                        index: index,
                        process: process,
                        snapshot: snapshot,
                        listeners: listeners,
                        report: { reports.post($0) }
                    )
                    reports.post(.started)
                    worker.run()
                } catch {
                    reports.post(.failed("\(error)"))
                }
                process.retire(index)
                reports.post(.ended(worker: index))
            }
        )
    }

    private func handle(_ report: WorkerReport, process: ProcessState, listeners: ListenerSet) {
        switch report {
        case .started:
            started += 1
            guard started == threads.count else { return }
            for (index, settings) in configuration.listeners.enumerated() {
                let kind = (settings.tls == nil ? "" : " (TLS)") + (listeners.isInherited[index] ? ", inherited" : "")
                OperatorLog.say("listening on \(listeners.addresses[index])\(kind)")
            }
            if let admin {
                admin.workers = started
                if admin.state == .starting { admin.state = .ready }
                OperatorLog.say("listening on \(admin.address) (admin)")
            }
            OperatorLog.say("ready")
            ServiceNotifier.notify("READY=1", environment: environment)
        case .failed(let text):
            failure = StartError(description: text)
            process.postToAll(.stop)
        case .stoppedAccepting:
            // Whoever connects from now on is refused at once, not left waiting.
            quiet += 1
            if quiet == threads.count { listeners.close() }
        case .answered(let worker, let number, let answer):
            survey?.answered(worker: worker, number: number, answer)
        case .counted(let worker, let counters): admin?.collector.ended(worker: worker, counters)
        case .ended(let worker):
            survey?.ended(worker: worker)
            ended += 1
            admin?.workers = max(0, started - ended)
            if ended == threads.count { loop.stop() }
        }
    }

    /// What is said of a signal that means nothing here; nil for those that end the process.
    static func ignored(_ signal: CInt) -> String? {
        switch signal {
        case SIGHUP: "SIGHUP is ignored: reload is not available in this version"
        case SIGUSR1: "SIGUSR1 is ignored: the log is stdout, there is no file to open again"
        case SIGUSR2: "SIGUSR2 is ignored: it has no meaning in this version"
        default: nil
        }
    }

    private func handle(signal number: CInt, process: ProcessState) {
        if let reason = Self.ignored(number) {
            OperatorLog.say(reason)
            return
        }
        guard drain == nil else {
            cut(process)
            return
        }
        var report = DrainReport(began: loop.now)
        report.exchanges = process.load.exchanges
        drain = report
        admin?.state = .draining
        ServiceNotifier.notify("STOPPING=1", environment: environment)
        guard !threads.isEmpty else {
            // Names are still being resolved: nobody has been served.
            loop.stop()
            return
        }
        let patience = snapshot.drainTimeout
        let load = process.load
        OperatorLog.say(
            "draining \(load.exchanges) exchanges on \(load.connections) connections for up to "
                + "\(patience / 1_000_000_000) s"
        )
        process.postToAll(.drain)
        let due = loop.now + patience
        _ = loop.timers.schedule(
            at: due,
            target: TimerClosure { [unowned self] in
                drain?.expired(process.load.exchanges)
                process.postToAll(.expire)
            },
            kind: 0
        )
    }

    /// A second signal: what is under way is cut, and has its line in the log.
    ///
    /// A third one waits for nothing.
    private func cut(_ process: ProcessState) {
        guard drain?.isCut == false, !threads.isEmpty else {
            OperatorLog.say("a third signal: ending at once, without the last lines of the log")
            // Not `exit`, whose handlers would take the process apart while the workers still run.
            _exit(1)
        }
        let exchanges = process.load.exchanges
        OperatorLog.say("a second signal: cutting \(exchanges) exchanges")
        drain?.cut(exchanges)
        process.postToAll(.cut)
        _ = loop.timers.schedule(at: loop.now + Self.cutPatience, target: TimerClosure { _exit(1) }, kind: 0)
    }

    /// How long workers have to cut what they have under way.
    private static let cutPatience: Nanoseconds = 1_000_000_000
}

extension SocketAddress {
    init?(_ address: ListenAddress) {
        switch address {
        case .tcp(let host, let port): self.init(numeric: host, port: port)
        case .unix(let path): self.init(unixPath: path)
        }
    }
}

extension Gather {
    init(_ setting: Configuration.Gather) {
        self =
            switch setting {
            case .auto: .auto
            case .off: .off
            case .interval(let duration): .fixed(Nanoseconds(duration.inNanoseconds))
            }
    }
}
