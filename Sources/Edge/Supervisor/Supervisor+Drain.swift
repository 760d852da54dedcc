// How the process ends. During the lame duck period, `/health` reports 503, so that load balancers send no new clients.
// Then the process drains, and ends the remaining exchanges. After an upgrade it also waits until older processes have
// ended.
internal import Configuration
internal import Glibc
internal import Transport

extension Supervisor {
    /// How long the workers may take to end their exchanges after a second signal to end, in nanoseconds.
    private static let cutTimeout: Nanoseconds = 1_000_000_000

    // MARK: Drain

    func handle(signal number: CInt) {
        if role == .predecessor, misdirected.arePossible, passOn(number) { return }
        switch number {
        case SIGHUP: handleReloadSignal()
        case SIGUSR1: reopenLog()
        case SIGUSR2:
            if role == .main {
                upgrader.upgrade()
            } else {
                OperatorLog.say("SIGUSR2 is ignored: another process of the server is the main one")
            }
        default: handleEndSignal()
        }
    }

    /// Passes a signal on to the main process, because systemd may have sent it to this older process by mistake.
    ///
    /// - Returns: false if the main process is gone.
    private func passOn(_ number: CInt) -> Bool {
        guard let mainLink else { return false }
        OperatorLog.say("the signal \(number) goes on to the main process, because systemd does not know it yet")
        mainLink.send(.signal(number))
        guard [SIGTERM, SIGINT, SIGQUIT].contains(number), !outlivesMain else { return true }
        // systemd still takes this older process for the main one. So systemd sent the signal here, and waits until
        // this process ends.
        outlivesMain = true
        let settings = running.snapshot.process
        let state = ServiceNotifier.stopping(within: settings.lameDuck + settings.drainTimeout)
        ServiceNotifier.notify(state, environment: environment)
        if endsOnceAlone { stopOnceAlone() }
        return true
    }

    private func handleReloadSignal() {
        if admin.state == .starting {
            reloadsWhenReady = true
        } else if role == .predecessor {
            OperatorLog.say("SIGHUP is ignored: this process drains, and another one is the main one")
        } else if !upgrader.reloadAfterwards() {
            reloader.reload()
        }
    }

    /// Handles SIGTERM, SIGINT and SIGQUIT.
    private func handleEndSignal() {
        if role == .successor {
            mainLink?.send(.failed(["it was told to end by a signal"]))
            endUnserved()
        } else if role == .accepting {
            endsWhenMain = true
        } else if role == .predecessor, !isHurried {
            hurry(stops: true)
        } else if drain == nil {
            guard upgrader.isUnderWay else { return beginEnding() }
            if !upgrader.endAfterwards() { endAfterAnswering() }
        } else if lameDuck != nil {
            beginDraining()
        } else {
            cut()
        }
    }

    /// Begins to end the process, but only after the loop has answered the command that began an upgrade.
    ///
    /// The upgrade has just failed because of a signal to end the server. Ending the process may close the command
    /// socket at once, so the answer must be sent before. A timer that is due at once ensures this, because each turn
    /// sends output before it fires timers.
    private func endAfterAnswering() {
        let end = TimerClosure { [unowned self] in if drain == nil { beginEnding() } }
        _ = loop.timers.schedule(at: loop.now, target: end, kind: 0)
    }

    /// Whether the process accepts no more connections.
    var isDraining: Bool { drain != nil && lameDuck == nil }

    /// Handles the first signal that asks the process to end: health checks get 503, and the drain begins after
    /// `lame_duck` or at the next signal.
    func beginEnding() {
        let settings = running.snapshot.process
        drain = DrainReport(began: loop.now, limit: "drain_timeout")
        let state = ServiceNotifier.stopping(within: settings.lameDuck + settings.drainTimeout)
        ServiceNotifier.notify(state, environment: environment)
        guard settings.lameDuck > 0, workers.areStarted else { return beginDraining() }
        admin.state = .leaving
        let seconds = settings.lameDuck / 1_000_000_000
        OperatorLog.say("lame duck: /health is 503, and the drain begins in \(seconds) s or at the next signal")
        process.postToAll(.leave)
        let end = TimerClosure { [unowned self] in beginDraining() }
        lameDuck = loop.timers.schedule(at: loop.now + settings.lameDuck, target: end, kind: 0)
    }

    /// Begins the drain: the workers accept no more connections, and exchanges under way have `drain_timeout` to end.
    func beginDraining() {
        if let timer = lameDuck { loop.timers.cancel(timer) }
        lameDuck = nil
        admin.state = .draining
        commands.close()
        guard workers.areStarted else {
            // The workers have not started, so no client has been served.
            loop.stop()
            return
        }
        endConnections(.drain, within: running.snapshot.process.drainTimeout)
        predecessors.stopAll(within: running.snapshot.process.drainTimeout)
    }

    /// Tells all workers to end their connections, and limits how long exchanges may continue.
    ///
    /// - Parameter time: After this time, in nanoseconds, the exchanges that are still under way are ended.
    func endConnections(_ message: WorkerMessage, within time: Nanoseconds) {
        let load = process.load
        OperatorLog.say(
            "draining \(load.exchanges) exchanges on \(load.connections) connections for up to "
                + "\(time / 1_000_000_000) s"
        )
        process.postToAll(message)
        expire(after: time)
    }

    /// Ends all exchanges that are still under way after this time, in nanoseconds.
    ///
    /// If an earlier call has set an earlier time, that time still applies.
    func expire(after time: Nanoseconds) {
        expiry = min(expiry, loop.now + time)
        _ = loop.timers.schedule(
            at: expiry,
            target: TimerClosure { [unowned self] in
                guard drain?.isExpired == false else { return }
                drain?.expired(process.load.exchanges)
                process.postToAll(.expire)
            },
            kind: 0
        )
    }

    /// Handles a signal during the drain: ends all exchanges under way and logs them.
    ///
    /// The next signal ends the process at once.
    func cut() {
        guard drain?.isCut == false, workers.areStarted else {
            OperatorLog.say("a third signal: ending at once, without the last lines of the log")
            // `exit` would run handlers that destroy objects while the workers still use them.
            _exit(1)
        }
        let exchanges = process.load.exchanges
        OperatorLog.say("a second signal: cutting \(exchanges) exchanges")
        drain?.cut(exchanges)
        process.postToAll(.cut)
        if role == .main { predecessors.cutAll() }
        _ = loop.timers.schedule(at: loop.now + Self.cutTimeout, target: TimerClosure { _exit(1) }, kind: 0)
    }

    func closeListeners() {
        for set in running.sockets.clients.values { set.close() }
        reloader.closeLeftSockets()
    }

    // MARK: End

    /// How long after the time limit of the drain this process still waits for other processes of the server to end,
    /// in nanoseconds.
    private static let predecessorReserve: Nanoseconds = 5_000_000_000

    /// Ends the loop of the control thread, after waiting for other processes of the server if that is necessary.
    ///
    /// The main process waits for older processes that drain, because systemd kills the remaining processes of a
    /// service when its main process ends.
    func stopOnceAlone() {
        if role == .predecessor {
            if outlivesMain, let successor { return stop(after: successor) }
            // As long as systemd may still take this older process for the main one, it may send the signal that stops
            // the server to this process. After such a signal, this process must outlive the new main process. So it
            // stays until systemd knows the new main process.
            endsOnceAlone = misdirected.arePossible
            if endsOnceAlone { return }
        }
        guard role == .main, !predecessors.isEmpty else { return loop.stop() }
        OperatorLog.say("waiting for \(predecessors.count) older processes that drain")
        endsOnceAlone = true
        let bound = max(expiry, loop.now) + Self.predecessorReserve
        _ = loop.timers.schedule(at: bound, target: TimerClosure { [loop] in loop.stop() }, kind: 0)
    }

    /// Ends this older process, which systemd takes for the main process, once the real main process has ended, or
    /// after a time limit if the main process has not ended by then.
    ///
    /// To end the process is to end the loop of the control thread.
    private func stop(after main: LaunchedProcess) {
        OperatorLog.say("waiting for the main process \(main.id), for which systemd takes this one")
        endsOnceAlone = false
        // Closes the link to the main process, because otherwise the main process would wait for this older process.
        reportUse()
        mainLink?.close()
        mainLink = nil
        let settings = running.snapshot.process
        let bound = loop.now + settings.lameDuck + settings.drainTimeout + Self.predecessorReserve
        _ = loop.timers.schedule(at: bound, target: TimerClosure { [loop] in loop.stop() }, kind: 0)
        guard main.watch(on: loop, ended: { [loop] in loop.stop() }) else { return loop.stop() }
    }

    /// Waits for the workers to end, closes the remaining sockets, writes the rest of the log, and reports how the
    /// drain ended.
    func end() throws(StartError) {
        admin.close()
        commands.close()
        workers.join()
        if role == .predecessor { reportUse() }
        if !workers.haveAllStoppedAccepting { closeListeners() }
        log.endWaiting()
        if log.dropped > 0 { OperatorLog.warn("\(log.dropped) log lines were dropped in all: \(log.reason)") }
        if let failure { throw failure }
        guard let drain else { return }
        OperatorLog.say(drain.text(at: loop.now), drain.cutCount > 0 ? .warning : .information)
        if drain.isCut { _exit(1) }
    }
}
