// What the supervisor does in an upgrade: in the main process, in the successor that takes its place, and in an older
// process that drains.
internal import Configuration
internal import Glibc
internal import HTTP
internal import Inference
internal import Transport

extension Supervisor {
    /// The role of a process during and after an upgrade; each upgrade starts a new process that takes the old one's
    /// place.
    enum Role {
        /// Serves clients, and obeys the operator's signals and commands.
        case main
        /// Has been started by the main process to take its place, and does not accept connections yet.
        case successor
        /// A successor that accepts connections already, but has not become the main process yet.
        case accepting
        /// Has handed over to a newer process, and ends once its exchanges have ended.
        case predecessor
    }

    /// The interval, in nanoseconds, at which an older process reports to the main process: how many exchanges and
    /// connections it still has, and what its exchanges have used of the limits of API keys.
    private static let reportInterval: Nanoseconds = 250_000_000

    // MARK: As the main process

    func makeUpgrader() -> Upgrader {
        Upgrader(
            loop: loop,
            program: program,
            predecessors: predecessors,
            environment: Upgrader.Environment(
                obstacle: { [unowned self] in
                    if drain != nil { return "the server is ending" }
                    if role != .main || admin.state == .starting { return "the server has not started yet" }
                    if reloader.isUnderWay { return "a reload is under way" }
                    return starter.obstacle
                },
                settings: { [running] in running.snapshot.process },
                handover: { [unowned self] () throws(StartError) in try makeHandover() },
                state: { [unowned self] in state },
                succeeded: { [unowned self] in becomePredecessor(successor: $0, link: $1, taken: $2, ends: $3) },
                failed: { [unowned self] reloads, ends in
                    takeBackColumn()
                    if ends { beginEnding() } else if reloads { reloader.reload() }
                }
            )
        )
    }

    private func makeHandover() throws(StartError) -> Handover {
        let sockets = running.sockets.handed
        return Handover(
            process: getpid(),
            version: Build.version,
            number: number,
            listeners: sockets.listeners,
            admin: sockets.admin,
            commands: commands.handed,
            predecessors: [],
            counts: try shareCounts(),
            state: state
        )
    }

    /// The state of this process that its successor continues with, as JSON: for example the keys of TLS session
    /// tickets, the operator's commands that are in force, and the health of executors.
    private var state: [UInt8] { InheritedState(of: running, process, found: members.found, at: loop.now).json }

    /// Publishes this process's counts, such as its attempts at each engine, in a table that several processes share.
    ///
    /// In the table, each process has a column for its own counts. This function reserves a column for the successor.
    private func shareCounts() throws(StartError) -> Handover.CountsFile {
        let counts: SharedCounts
        do throws(SharedCountsError) {
            if let open = sharing.counts { counts = open } else { counts = try SharedCounts.create() }
        } catch {
            throw StartError(description: "the counts cannot be shared with a new process: \(error)")
        }
        guard let column = counts.allot() else {
            throw StartError(description: "too many processes of the server share their counts")
        }
        successorColumn = column
        if sharing.counts == nil { sharing.begin(counts) }
        return Handover.CountsFile(descriptor: counts.descriptor, column: column, giver: counts.column)
    }

    /// Frees the column that was reserved for a successor, because the upgrade has failed.
    ///
    /// The column is the successor's place in the table in which the processes share their counts. If no older process
    /// is left either, this process no longer shares its counts.
    private func takeBackColumn() {
        if let successorColumn { sharing.counts?.clear(successorColumn) }
        successorColumn = nil
        if predecessors.isEmpty { sharing.end() }
    }

    /// Begins to read the messages of older processes, and to notice when they end.
    ///
    /// The messages report the use of API keys, and pass on signals that systemd has sent to an older process.
    private func followPredecessors() {
        predecessors.used = { [unowned self] json in
            guard let json = JSONValue(parsing: json) else { return }
            KeyRates(json).add(to: running.snapshot.access, at: loop.now)
        }
        predecessors.signalled = { [unowned self] in handle(signal: $0) }
        predecessors.ended = { [unowned self] ended in
            if let column = ended.column { sharing.counts?.clear(column) }
            guard predecessors.isEmpty else { return }
            if !upgrader.isUnderWay { sharing.end() }
            if endsOnceAlone { loop.stop() }
        }
        predecessors.resume()
    }

    // MARK: As the successor

    /// Tells the main process that this process is ready, and obeys the messages of the main process from now on.
    func offerToTakeOver(_ inheritance: Inheritance) {
        let link = UpgradeLink(inheritance.descriptor, loop: loop)
        mainLink = link
        predecessors.adopt(inheritance.handover.predecessors)
        link.read(
            { [unowned self] message in
                switch message {
                case .commit(let state): accept(state) { link.send(.serving) }
                case .main(let reloads, let ends): becomeMain(reloads: reloads, ends: ends)
                case .abort: giveUp()
                default: followMain(message)
                }
            },
            ended: { [unowned self] in mainEnded() }
        )
        do throws(SharedCountsError) {
            if let file = inheritance.handover.counts {
                sharing.begin(try SharedCounts.adopt(file.descriptor, column: file.column))
            }
        } catch {
            link.send(.failed(["the counts of the running process cannot be used: \(error)"]))
            return endUnserved()
        }
        var taken = running.sockets.descriptors
        if let own = commands.kept(of: inheritance.handover.commands, by: running.configuration) {
            taken.formUnion(own)
        }
        link.send(.ready(taken: Array(taken), version: Build.version))
    }

    /// Takes over the state of the main process, accepts connections on all listeners, and then calls `accepted`.
    ///
    /// - Parameter state: the newest state of the main process, as `InheritedState` encodes it.
    private func accept(_ state: [UInt8], _ accepted: @escaping () -> Void) {
        guard role == .successor else { return }
        role = .accepting
        if let state = InheritedState(json: state) {
            state.restore(to: running, process, at: loop.now)
        } else {
            OperatorLog.warn("the state of the process that hands over is not understood: this one begins without it")
        }
        let sockets = running.sockets.clients
        survey.ask(
            { worker in worker.openListeners(sockets) },
            answered: { _, _ in },
            // The wait for the workers ends after `WorkerSurvey.timeout`. A worker that has not opened its listeners by
            // then opens them later.
            finished: { _ in accepted() }
        )
    }

    private func becomeMain(reloads: Bool, ends: Bool) {
        guard role == .accepting, let link = mainLink, let inheritance else { return }
        role = .main
        mainLink = nil
        followPredecessors()
        inherit(inheritance.handover, through: link)
        running.own()
        commands.inherit(inheritance.handover.commands, running.configuration)
        reloadsWhenReady = reloadsWhenReady || reloads
        serveAsMain()
        if ends || endsWhenMain { beginEnding() }
    }

    /// Adds the previous main process to `predecessors`, the older processes that drain.
    ///
    /// If the previous main process has already ended, its column in the table in which the processes share their
    /// counts is freed at once.
    private func inherit(_ handover: Handover, through link: UpgradeLink) {
        let giver = Handover.Predecessor(
            descriptor: link.descriptor,
            process: handover.process,
            number: handover.number,
            version: handover.version,
            since: Clock.wallTime().seconds,
            column: handover.counts?.giver
        )
        guard !link.isEnded else { return predecessors.ended(giver) }
        predecessors.add(giver, link: link)
        predecessors.resume()
    }

    /// Handles the end of the link to the main process.
    ///
    /// If the main process ends before it has handed over, for example because it was killed, this successor becomes
    /// the main process.
    private func mainEnded() {
        switch role {
        case .successor:
            OperatorLog.warn("the process that this one was to follow is gone: this one serves now")
            accept(inheritance?.handover.state ?? []) { [unowned self] in becomeMain(reloads: false, ends: false) }
        case .accepting: becomeMain(reloads: false, ends: false)
        case .main, .predecessor: mainLink = nil
        }
    }

    /// Ends this successor, because the main process has given up the upgrade.
    private func giveUp() {
        guard role == .successor || role == .accepting else { return }
        OperatorLog.say("upgrade: this process was not needed, and ends")
        endUnserved()
    }

    /// Ends this successor; the main process still has all sockets and goes on serving.
    func endUnserved() {
        mainLink?.close()
        if workers.areStarted { process.postToAll(.stop) } else { loop.stop() }
    }

    // MARK: As an older process

    private func becomePredecessor(successor: LaunchedProcess, link: UpgradeLink, taken: Set<CInt>, ends: Bool) {
        role = .predecessor
        mainLink = link
        self.successor = successor
        ServiceNotifier.notify("MAINPID=\(successor.id)\nREADY=1", environment: environment)
        misdirected.begin(
            isEnding: { [unowned self] in handleSignals() },
            ended: { [unowned self] in if endsOnceAlone { stopOnceAlone() } }
        )
        link.read({ [unowned self] in followMain($0) }, ended: { [unowned self] in mainEnded() })
        watch?.stop()
        certificates?.stop()
        members.stop()
        running.disown(taken)
        admin.handOver(running.sockets.admin)
        commands.handOver(taken)
        drain = DrainReport(began: loop.now, limit: "upgrade_drain")
        admin.state = .draining
        endConnections(.handOver, within: running.snapshot.process.upgradeDrain)
        // The new main process reads reports only after the message `main`, which the upgrader sends to it once this
        // function has returned. So the first report is sent by a timer, later in this turn of the loop.
        let start = TimerClosure { [unowned self] in
            report()
            if ends { hurry(stops: true) }
        }
        _ = loop.timers.schedule(at: loop.now, target: start, kind: 0)
    }

    /// Carries out a message of the main process; does nothing unless this process has handed over.
    private func followMain(_ message: UpgradeMessage) {
        guard role == .predecessor else { return }
        switch message {
        case .hurry(let stops, let time): hurry(stops: stops, within: time)
        case .cut: cut()
        case .reopenLog: reopenLog()
        default: return
        }
    }

    /// Shortens the time within which the exchanges of this older process must end.
    ///
    /// - Parameters:
    ///   - stops: whether the whole server ends. Connections without a request are then closed soon
    ///     (`ConnectionDrain.stopping`).
    ///   - time: how long the drain may still take, in nanoseconds; nil for `drain_timeout` of this process.
    func hurry(stops: Bool, within time: Nanoseconds? = nil) {
        if stops { process.postToAll(.drain) }
        guard !isHurried else { return }
        isHurried = true
        let time = time ?? running.snapshot.process.drainTimeout
        OperatorLog.say("this older process has to end: its drain ends in \(time / 1_000_000_000) s at the latest")
        drain?.limit = "drain_timeout"
        expire(after: time)
        report(again: false)
    }

    /// Reports to the main process which part of the API keys' limits this older process's exchanges have used since
    /// the last report.
    func reportUse() {
        if let rates = KeyRates(takenFrom: running.snapshot.access) { mainLink?.send(.use(rates.json)) }
    }

    /// Reports to the main process how many exchanges and connections this older process still has, until when it may
    /// drain, and what its exchanges have used of the limits of API keys.
    private func report(again: Bool = true) {
        reportUse()
        let load = process.load
        let left = expiry > loop.now ? expiry - loop.now : 0
        mainLink?.send(
            .report(
                UpgradeMessage.DrainingReport(
                    exchanges: load.exchanges,
                    connections: load.connections,
                    until: Clock.wallTime().seconds + Int(left / 1_000_000_000)
                )
            )
        )
        guard again else { return }
        let next = TimerClosure { [unowned self] in report() }
        _ = loop.timers.schedule(at: loop.now + Self.reportInterval, target: next, kind: 0)
    }
}
