// What of the control thread follows each snapshot: the resolver of names, the health probes, the reports of health.
internal import Transport

/// Runs the services of the control thread that need the snapshot in force; confined to that thread.
final class SnapshotFollowers {
    let prober: HealthProber
    private let resolver: NameResolver
    private let reporter: HealthReporter

    init(_ snapshot: Snapshot, loop: EventLoop, process: ProcessState) {
        resolver = NameResolver(loop: loop, books: snapshot.addresses) { OperatorLog.say($0, .warning) }
        let prober = HealthProber(snapshot, loop: loop) { [process] in process.postToAll(.engineDied($0, $1)) }
        self.prober = prober
        reporter = HealthReporter(snapshot, loop: loop, lastLoss: { prober.lastLoss(at: $0) })
    }

    /// Begins to resolve names and to report.
    ///
    /// - Parameter named: called once, when the names of all executors are known or `namesTimeout` has passed.
    func start(named: @escaping () -> Void) {
        reporter.start()
        resolver.start(timeout: StartChecks.namesTimeout, settled: named)
    }

    /// Follows a new snapshot from now on.
    ///
    /// - Parameter named: called once, when the names of its new executors are known or `namesTimeout` has passed.
    func adopt(_ snapshot: Snapshot, named: @escaping () -> Void) {
        prober.adopt(snapshot)
        reporter.adopt(snapshot)
        resolver.adopt(snapshot.addresses)
        resolver.start(timeout: StartChecks.namesTimeout, settled: named)
    }

    /// Ends them all.
    func stop() {
        reporter.stop()
        prober.stop()
        resolver.stop()
    }
}
