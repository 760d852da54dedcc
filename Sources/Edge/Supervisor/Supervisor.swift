// The control thread, which starts the process, reloads the configuration, and drains and ends the process.
package import Configuration
internal import Glibc
internal import HTTP
internal import Inference
internal import Routing
package import Transport

/// Runs the process from its start to its end.
///
/// The thread that makes the supervisor becomes the control thread; the supervisor is confined to that thread.
package final class Supervisor {
    private let source: ConfigurationSource
    let environment: [String: String]
    private let signals: Signals
    private let clock: ProcessClock
    let loop: EventLoop
    let running: RunningConfiguration
    let log: LogSink
    let process: ProcessState
    let workers: WorkerThreads
    let survey: WorkerSurvey
    let admin: AdminServer
    /// The services of the control thread that use each new snapshot; nil before `run`.
    var followers: SnapshotFollowers?
    private(set) lazy var reloader = makeReloader()
    /// Finds executors and models in the files, at the engines and under the host names that the configuration names.
    private(set) lazy var members = MemberSources(loop: loop, running: running, environment: environment) {
        [unowned self] in
        reloader.takeFound()
    }
    /// Makes a message for the operator's log, such as an example of a request; nil for no message.
    ///
    /// The message is written once, when the process is ready and at least one model is known.
    package var greeting: ((_ model: String) -> String)?
    /// Whether a reload must follow once the process is ready, because the operator asked for one during the start.
    var reloadsWhenReady = false
    /// Puts renewed certificates in force; nil before the process is ready.
    var certificates: CertificateFollower?
    private(set) lazy var commands = makeCommandServer()
    /// The mailbox in which the control thread receives the workers' reports.
    private let reports = Mailbox<WorkerReport>()
    private var losses = LogLossReporter()
    /// The error of a worker that could not start; nil if all have started.
    var failure: StartError?
    /// The facts for the report at the end of the drain; nil until the process has been asked to end.
    var drain: DrainReport?
    /// The timer for the end of the lame duck period, in which a process that will end still serves; nil outside of it.
    var lameDuck: TimerID?
    /// Checks that the event loops of the workers are not blocked; nil before the process is ready.
    var watch: WorkerWatch?

    /// The sockets and the state that this process has received as a successor; nil if no upgrade has started it.
    let inheritance: Inheritance?
    /// The program and the arguments of this process, for upgrades; nil if they are not known.
    let program: Program?
    /// The facts about how this process was started; they decide whether an upgrade is possible.
    let starter: ProcessStarter
    /// Whether this process is the main one, its successor, or an older one.
    var role = Role.main
    /// The older processes that drain, while this process is the main one.
    let predecessors: Predecessors
    private(set) lazy var upgrader = makeUpgrader()
    /// The link (a unix socket) to the main process, while this process is not the main one; nil if there is none.
    var mainLink: UpgradeLink?
    private(set) lazy var sharing = CountSharing(loop: loop, running: running, process: process)
    /// The column of the shared table of counts that this process has reserved for its successor; nil if there is none.
    ///
    /// Each process of an upgrade publishes its own counts, such as attempts at an engine, in one column of the table.
    var successorColumn: Int?
    /// Whether the workers have ended, and this process waits for older processes or for systemd before it ends.
    ///
    /// The main process waits until the older processes have ended. An older process waits until systemd knows the new
    /// main process. Both waits have a time limit.
    var endsOnceAlone = false
    /// Whether a signal asked for the end of the server before this process was the main one.
    var endsWhenMain = false
    /// Whether the main process or a signal has shortened the time in which this older process must end its exchanges,
    /// from `upgrade_drain` to `drain_timeout`.
    var isHurried = false
    private(set) lazy var misdirected = MisdirectedSignals(loop: loop, environment: environment)
    /// The process to which this one has handed over; nil before the hand-over.
    var successor: LaunchedProcess?
    /// Whether this older process must stay until `successor`, now the main process, has ended.
    ///
    /// The process must stay if systemd stops the service while it still regards this older process as the main one,
    /// because systemd kills all other processes of the service when this one ends.
    var outlivesMain = false
    /// When the exchanges that are still under way are ended, in nanoseconds of the loop's clock; `max` before a drain.
    var expiry = Nanoseconds.max

    /// The number of this process in the sequence of upgrades; the process that the operator started has 1.
    var number: Int { (inheritance?.handover.number ?? 0) + 1 }

    // MARK: Start

    /// Resolves the configuration, checks whether this machine can run it, and opens the sockets.
    ///
    /// - Parameters:
    ///   - source: the source of the configuration, which a reload reads again.
    ///   - environment: the environment of the process, with the variables that systemd has set.
    ///   - program: the program and the arguments of this process, which an upgrade starts again; nil if they are not
    ///     known, so that upgrades are refused.
    ///   - inheritance: what the main process hands over to this successor; nil if no upgrade has started this process.
    /// - Throws: `StartError` if a file cannot be loaded or an address cannot be bound.
    package init(
        configuration: Configuration,
        source: ConfigurationSource,
        environment: [String: String],
        program: Program? = nil,
        inheritance: Inheritance? = nil
    ) throws(StartError) {
        self.source = source
        self.environment = environment
        self.program = program
        starter = ProcessStarter.ofThisProcess(environment: environment)
        self.inheritance = inheritance
        role = inheritance == nil ? .main : .successor
        clock = ProcessClock()
        loop = EventLoop(clock: .process(clock))
        signals = Signals()
        let descriptorLimit = Sockets.raiseDescriptorLimit()
        for warning in StartChecks.descriptorWarnings(configuration) { OperatorLog.say(warning, .warning) }
        let budget = MemoryBudget(limit: configuration.memoryLimitBytes)
        log = LogSink()
        predecessors = Predecessors(loop: loop)
        running = try RunningConfiguration(
            configuration,
            environment: environment,
            inheritance: inheritance,
            budget: budget,
            log: log,
            inherited: inheritance?.state
        )
        _ = log.start()
        let settings = running.snapshot.process
        process = ProcessState(
            budget: budget,
            log: log,
            ticketKeys: TicketKeys { Int64(Clock.monotonicNow() / 1_000_000_000) },
            clock: .process(clock),
            workers: settings.workers,
            poller: settings.poller,
            descriptorLimit: descriptorLimit,
            instanceID: inheritance?.state?.instanceID
        )
        workers = WorkerThreads(count: settings.workers)
        survey = WorkerSurvey(loop: loop, workers: process.workers)
        admin = AdminServer(loop: loop, process: process, running: running, survey: survey)
        if role == .main { admin.open() }
    }

    /// Serves until SIGTERM, SIGINT or SIGQUIT arrives and the drain is over.
    ///
    /// If a second signal cuts the drain short, the process exits with status 1.
    ///
    /// - Throws: `StartError` if a worker could not start.
    package func run() throws(StartError) {
        loop.attach(reports) { [unowned self] report in handle(report) }
        running.logFile.attach(to: loop)
        loop.watch(descriptor: signals.descriptor) { [unowned self] in handleSignals() }
        let followers = SnapshotFollowers(running.snapshot, loop: loop, process: process)
        self.followers = followers
        admin.prober = followers.prober
        reportPauses()
        reportLogLosses()
        // Clients wait in the kernel's backlog until host names are resolved and engines have listed their models, but
        // no longer than `namesTimeout`.
        let settled = Self.afterBoth { [unowned self] in startWorkers() }
        followers.start(named: settled)
        members.start(settled: settled)
        loop.run()
        members.stop()
        followers.stop()
        certificates?.stop()
        watch?.stop()
        try end()
    }

    /// Handles the signals that have arrived.
    func handleSignals() { while let signal = signals.next() { handle(signal: signal) } }

    /// Returns a function that calls `body` when it is called for the second time.
    private static func afterBoth(_ body: @escaping () -> Void) -> () -> Void {
        var calls = 0
        return {
            calls += 1
            if calls == 2 { body() }
        }
    }

    private func startWorkers() {
        if let prepared = running.prepare(found: members.found) {
            _ = running.commit(prepared)
            OperatorLog.say((["found at the start:"] + prepared.changes.map { "  \($0)" }).joined(separator: "\n"))
            followers?.adopt(running.snapshot) {}
            // A file that lists executors may have changed since the process started. If so, `members` now resolves
            // the host names that are new in the file.
            members.adopt {}
        }
        for line in running.newlyLeftOut() { OperatorLog.warn(line) }
        workers.start(
            process: process,
            snapshot: running.snapshot,
            // A successor opens its listeners later, when the main process tells it to accept connections.
            listeners: role == .main ? running.sockets.clients : [:]
        ) { [reports] in reports.post($0) }
    }

    private func handle(_ report: WorkerReport) {
        switch report {
        case .started:
            if workers.countStarted() { becomeReady() }
        case .failed(let text):
            failure = StartError(description: text)
            process.postToAll(.stop)
        case .adopted(let worker, let generation): reloader.adopted(worker: worker, generation: generation)
        case .stoppedAccepting:
            // Once no worker accepts connections any more, the listening sockets are closed, so that the kernel refuses
            // new connections.
            if workers.countStoppedAccepting() { closeListeners() }
        case .answered(let worker, let number, let answer):
            survey.answered(worker: worker, number: number, answer)
        case .counted(let worker, let counters):
            admin.collector.ended(worker: worker, counters)
        case .ended(let worker):
            survey.ended(worker: worker)
            reloader.ended(worker: worker)
            watch?.ended(worker: worker)
            let isLast = workers.countEnded(worker)
            admin.workers = workers.serving
            if isLast { stopOnceAlone() }
        }
    }

    // MARK: Ready

    private func becomeReady() {
        // A process that was asked to end during its start must not tell systemd that it is ready.
        guard drain == nil else { return }
        if let inheritance { offerToTakeOver(inheritance) } else { serveAsMain() }
    }

    /// Begins the duties of the main process: the admin listener, commands, certificate renewal and notices to systemd.
    func serveAsMain() {
        sayListeners()
        admin.upgrader = upgrader
        admin.processNumber = number
        admin.open()
        admin.workers = workers.serving
        if admin.state == .starting { admin.state = .ready }
        OperatorLog.say("listening on \(admin.address) (admin)")
        commands.adopt(running.configuration)
        certificates = CertificateFollower(loop: loop, running: running) { [unowned self] in
            reloader.renewCertificates()
        }
        OperatorLog.say("ready")
        if inheritance != nil { greeting = nil }
        greet()
        if greeting != nil { OperatorLog.say("no engine has listed a model yet: a line to try is shown when one has") }
        // After an upgrade, the older process tells systemd that this process is the main one (MAINPID), and that the
        // service is ready.
        if inheritance == nil { ServiceNotifier.notify("READY=1", environment: environment) }
        watchWorkers()
        if reloadsWhenReady { reloader.reload() }
        // Executors or models may have been found while the workers started.
        reloader.takeFound()
    }

    func greet() {
        guard admin.state == .ready, let greeting, let model = running.snapshot.catalog.models.first else { return }
        self.greeting = nil
        OperatorLog.say(greeting(model.id))
    }

    /// Begins to check that no worker's event loop is blocked; while none is, systemd's watchdog is notified.
    func watchWorkers() {
        let interval = ServiceNotifier.watchdogInterval(environment: environment, process: getpid())
        let watch = WorkerWatch(
            loop: loop,
            workers: process.workers,
            interval: interval ?? WorkerWatch.usualInterval,
            turned: { [environment] in
                if interval != nil { ServiceNotifier.notify("WATCHDOG=1", environment: environment, waits: false) }
            },
            say: { OperatorLog.say($0, $1) }
        )
        self.watch = watch
        admin.watch = watch
    }

    /// Writes to the operator's log the address of each listener that serves clients.
    func sayListeners() {
        for plan in running.snapshot.listeners {
            guard let sockets = running.sockets.clients[plan.key] else { continue }
            let kind =
                (plan.isSecure ? " (TLS)" : "") + (sockets.isInherited[0] ? ", inherited" : "")
                + (inheritance?.sockets(for: plan.key) != nil ? ", handed over" : "")
            OperatorLog.say("listening on \(sockets.addresses[0])\(kind)")
        }
    }

    // MARK: Reload

    private func makeReloader() -> Reloader {
        Reloader(
            running,
            Reloader.Environment(
                read: { [source] in source.read() },
                obstacle: { [unowned self] in
                    if role == .predecessor { return Self.anotherIsMain }
                    if drain != nil { return "the server is ending, with the configuration that it has" }
                    if upgrader.isUnderWay { return "an upgrade is under way" }
                    return admin.state == .starting ? "the server has not started yet" : nil
                },
                isDraining: { [unowned self] in isDraining },
                adopt: { [unowned self] snapshot, named in
                    admin.adopt()
                    commands.adopt(running.configuration)
                    let settled = Self.afterBoth(named)
                    followers?.adopt(snapshot, named: settled)
                    members.adopt(settled: settled)
                },
                post: { [unowned self] snapshot, sockets in
                    guard !isDraining else { return [] }
                    process.postToAll(.adopt(snapshot, sockets))
                    greet()
                    return workers.servingIndices
                },
                found: { [unowned self] in members.found },
                isReloading: { [unowned self] in notifyOfReload($0) },
                later: { [loop] time, body in
                    _ = loop.timers.schedule(at: loop.now + time, target: TimerClosure(body), kind: 0)
                }
            )
        )
    }

    /// The answer to a command that comes to a process which has handed over to a newer one.
    private static let anotherIsMain = "another process of the server is the main one: ask again"

    private func makeCommandServer() -> CommandServer {
        CommandServer(
            loop: loop,
            process: process,
            environment: environment,
            actions: CommandServer.Actions(
                obstacle: { [unowned self] in
                    if role != .main { return Self.anotherIsMain }
                    return upgrader.hasSentState ? "an upgrade is under way: ask again in a moment" : nil
                },
                reload: { [unowned self] in reloader.reload($0) },
                rehearse: { [unowned self] path in
                    reloader.rehearse { (path.map { ConfigurationSource.file($0) } ?? source).read() }
                },
                status: { [unowned self] in StatusReport(admin).json },
                order: { [unowned self] command throws(CommandRequest.Problem) in
                    try ExecutorOrderer(running: running).carryOut(command, at: loop.now)
                },
                maintain: { [process] in process.maintenance.declare($0) },
                reopenLog: { [unowned self] answered in
                    if role == .main { reopenLog(answered) } else { answered(.failed(Self.anotherIsMain)) }
                },
                upgrade: { [unowned self] in upgrader.upgrade($0) }
            )
        )
    }

    /// Opens the log file again, and writes the outcome to the operator's log.
    func reopenLog(_ answered: @escaping (LogReopening) -> Void = { _ in }) {
        if role == .main { predecessors.reopenLogs() }
        running.logFile.reopen { outcome in
            if case .failed = outcome { OperatorLog.say(outcome.text, .error) } else { OperatorLog.say(outcome.text) }
            answered(outcome)
        }
    }

    /// Notifies systemd that a reload has begun or ended (sd_notify(3)).
    ///
    /// At the end of a reload, systemd gets READY=1 even if the server has refused the new configuration.
    private func notifyOfReload(_ isReloading: Bool) {
        guard drain == nil else { return }
        let now = Clock.monotonicNow() / 1000
        ServiceNotifier.notify(isReloading ? "RELOADING=1\nMONOTONIC_USEC=\(now)" : "READY=1", environment: environment)
    }

    /// Warns at the end of a turn of the loop if the whole process was paused, which the clock detects.
    private func reportPauses() {
        var reported: Nanoseconds = 0
        loop.onTurnEnd = { [unowned self] in
            let paused = clock.paused
            guard paused > reported else { return }
            let milliseconds = (paused - reported) / 1_000_000
            OperatorLog.warn("the process was paused for about \(milliseconds) ms: deadlines are moved")
            reported = paused
            watch?.processContinued()
        }
    }

    /// Checks each second whether log lines were dropped, and warns the operator of the loss.
    private func reportLogLosses() {
        if let text = losses.message(dropped: log.dropped, reason: log.reason, at: loop.now) { OperatorLog.warn(text) }
        let again = TimerClosure { [unowned self] in reportLogLosses() }
        _ = loop.timers.schedule(at: loop.now + 1_000_000_000, target: again, kind: 0)
    }
}
