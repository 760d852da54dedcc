// The control thread: opens the sockets, starts the workers, listens to signals, ends everything in order.
internal import CLinux
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
    private let loop = EventLoop()
    private let reports = Mailbox<WorkerReport>()
    private var mailboxes: [Mailbox<WorkerMessage>] = []
    private var threads: [Transport.Thread] = []
    private var started = 0
    private var ended = 0
    private var quiet = 0
    private var failure: StartError?
    private var isDraining = false

    package init(configuration: Configuration, environment: [String: String]) {
        self.configuration = configuration
        self.environment = environment
    }

    /// Serves until SIGTERM or SIGINT has been obeyed.
    package func run() throws(StartError) {
        let signals = Signals()
        Sockets.raiseDescriptorLimit()
        let workers = workerCount
        let snapshot = try Self.start { () throws(Snapshot.Unresolved) in try Snapshot(configuration) }
        let plans = configuration.listeners.map { ListenerPlan(for: $0, limits: configuration) }
        for plan in plans { try Self.checkCertificates(of: plan) }
        if let problem = Self.authorityProblems(configuration).first { throw StartError(description: problem) }
        let listeners = try openListeners(workers: workers)
        let log = LogSink()
        _ = log.start()
        let share = WorkerShare(
            budget: MemoryBudget(limit: configuration.memoryLimitBytes),
            log: log,
            ticketKeys: TicketKeys { Int64(Clock.monotonicNow() / 1_000_000_000) },
            connectionsMax: configuration.maxConnections,
            gather: Gather(configuration.gather),
            poller: configuration.poller == .epoll ? .epoll : .auto,
            plans: plans
        )

        loop.attach(reports) { [unowned self] report in handle(report, listeners: listeners) }
        loop.watch(descriptor: signals.descriptor) { [unowned self] in
            while let signal = signals.next() { handle(signal: signal) }
        }
        for index in 0..<workers { startWorker(index, share: share, snapshot: snapshot, listeners: listeners) }
        loop.run()
        for thread in threads { thread.join() }
        if quiet < workers { listeners.close() }
        log.endWaiting()
        if log.dropped > 0 { Messages.say("warning: \(log.dropped) log lines were dropped: nobody read stdout") }
        if let failure { throw failure }
    }

    private var workerCount: Int {
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
        guard !plan.certificates.isEmpty else { return }
        _ = try start { () throws(TLSError) in
            try TLSContext.server(certificates: plan.certificates, ticketKeys: TicketKeys { 0 })
        }
    }

    /// Everything about the configuration's certificates that cannot be loaded, for `check`.
    package static func certificateProblems(_ configuration: Configuration) -> [String] {
        let own = configuration.listeners.compactMap { listener in
            let plan = ListenerPlan(for: listener, limits: configuration)
            do throws(StartError) { try checkCertificates(of: plan) } catch { return "\(error)" }
            return nil
        }
        return own + authorityProblems(configuration)
    }

    /// Files of certificate authorities for executors that cannot be loaded.
    private static func authorityProblems(_ configuration: Configuration) -> [String] {
        let files = Set(configuration.models.flatMap(\.executors).compactMap(\.certificateAuthorityPath))
        return files.sorted().compactMap { ExecutorEnvironment.problem(withAuthorities: $0)?.description }
    }

    private func openListeners(workers: Int) throws(StartError) -> ListenerSet {
        var addresses: [SocketAddress] = []
        for listener in configuration.listeners {
            let address: SocketAddress? =
                switch listener.address {
                case .tcp(let host, let port): SocketAddress(numeric: host, port: port)
                case .unix(let path): SocketAddress(unixPath: path)
                }
            guard let address else { throw StartError(description: "cannot listen on \(listener.address)") }
            addresses.append(address)
        }
        let inherited = ListenerSet.inherited(from: environment)
        return try Self.start { () throws(ListenerSet.Failure) in
            try ListenerSet(addresses: addresses, workers: workers, inherited: inherited)
        }
    }

    private func startWorker(_ index: Int, share: WorkerShare, snapshot: Snapshot, listeners: ListenerSet) {
        let mailbox = Mailbox<WorkerMessage>()
        mailboxes.append(mailbox)
        let reports = reports
        threads.append(
            Transport.Thread(name: "worker-\(index)") {
                do throws(TLSError) {
                    let worker = try Worker(
                        index: index,
                        share: share,
                        snapshot: snapshot,
                        listeners: listeners,
                        mailbox: mailbox,
                        report: { reports.post($0) }
                    )
                    reports.post(.started)
                    worker.run()
                } catch {
                    reports.post(.failed("\(error)"))
                }
                reports.post(.ended)
            }
        )
    }

    private func handle(_ report: WorkerReport, listeners: ListenerSet) {
        switch report {
        case .started:
            started += 1
            guard started == mailboxes.count else { return }
            for (address, settings) in zip(listeners.addresses, configuration.listeners) {
                Messages.say("listening on \(address)\(settings.tls == nil ? "" : " (TLS)")")
            }
            Messages.say("ready")
            ServiceNotifier.notify("READY=1", environment: environment)
        case .failed(let text):
            failure = StartError(description: text)
            for mailbox in mailboxes { mailbox.post(.stop) }
        case .stoppedAccepting:
            // Whoever connects from now on is refused at once, not left waiting.
            quiet += 1
            if quiet == mailboxes.count { listeners.close() }
        case .ended:
            ended += 1
            if ended == mailboxes.count { loop.stop() }
        }
    }

    private func handle(signal number: CInt) {
        if number == SIGHUP {
            Messages.say("SIGHUP is ignored: reload is not available in this version")
            return
        }
        guard !isDraining else {
            Messages.say("a second signal: ending at once")
            exit(1)
        }
        isDraining = true
        let patience = configuration.drainTimeout
        Messages.say("draining for up to \(patience.inNanoseconds / 1_000_000_000) s")
        ServiceNotifier.notify("STOPPING=1", environment: environment)
        for mailbox in mailboxes { mailbox.post(.drain) }
        let due = loop.now + Nanoseconds(patience.inNanoseconds)
        _ = loop.timers.schedule(
            at: due,
            target: TimerClosure { [unowned self] in
                for mailbox in mailboxes { mailbox.post(.expire) }
            },
            kind: 0
        )
    }
}

extension ListenerPlan {
    init(for listener: ListenerSettings, limits configuration: Configuration) {
        var settings = ServerSettings()
        let timeouts = configuration.timeouts
        settings.headerBytesMax = configuration.limits.headerBytes
        settings.headerCountMax = configuration.limits.headerCount
        settings.streamsMax = configuration.limits.streams
        settings.handshakeTimeout = Nanoseconds(timeouts.handshake.inNanoseconds)
        settings.headerTimeout = Nanoseconds(timeouts.header.inNanoseconds)
        let idle = listener.trusted ? timeouts.idleTrusted : timeouts.idle
        settings.idleTimeout = Nanoseconds(idle.inNanoseconds)
        settings.upgradesToHTTP2 = listener.h2cUpgrade
        settings.isTrusted = listener.trusted
        let certificates = listener.tls?.certificates ?? []
        self.init(
            settings: settings,
            certificates: certificates.map { CertificateFiles(chain: $0.chainPath, key: $0.keyPath) }
        )
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
