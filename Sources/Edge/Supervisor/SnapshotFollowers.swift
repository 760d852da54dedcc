// The services of the control thread that use the configuration's snapshot: name resolution, health probes, reports
// about health and cached tokens, and files of trusted peers.
internal import Routing
internal import Transport

/// Runs the services that use the snapshot in force; confined to the control thread.
final class SnapshotFollowers {
    let prober: HealthProber
    private let resolver: NameResolver
    private let reporter: HealthReporter
    private let cachedTokens: CachedTokensReporter
    private let trustedPeers: TrustedPeersFollower

    init(_ snapshot: Snapshot, loop: EventLoop, process: ProcessState) {
        resolver = NameResolver(loop: loop, books: snapshot.addresses) { OperatorLog.say($0, .warning) }
        trustedPeers = TrustedPeersFollower(loop: loop)
        trustedPeers.adopt(snapshot.listeners)
        let prober = HealthProber(
            snapshot,
            loop: loop,
            died: { [process] in process.postToAll(.engineDied($0, $1)) },
            kindFound: { OperatorLog.say("executor \($0.name): \($0.foundKindText)", .information) }
        )
        self.prober = prober
        cachedTokens = CachedTokensReporter(snapshot, loop: loop)
        reporter = HealthReporter(snapshot, loop: loop, lastLoss: { prober.lastLoss(at: $0) })
    }

    /// Starts to resolve host names, and to tell the operator about engines that go down, come back, or do not report
    /// cached tokens.
    ///
    /// - Parameter named: called once, when the host names of all executors are resolved or `namesTimeout` has passed.
    func start(named: @escaping () -> Void) {
        reporter.start()
        cachedTokens.start()
        resolver.start(timeout: StartChecks.namesTimeout, settled: named)
    }

    /// Passes a new snapshot to all services, and begins to resolve the host names of its executors.
    ///
    /// - Parameter named: called once, when the host names of the snapshot's new executors are resolved or
    ///   `namesTimeout` has passed.
    func adopt(_ snapshot: Snapshot, named: @escaping () -> Void) {
        prober.adopt(snapshot)
        reporter.adopt(snapshot)
        cachedTokens.adopt(snapshot)
        trustedPeers.adopt(snapshot.listeners)
        resolver.adopt(snapshot.addresses)
        resolver.start(timeout: StartChecks.namesTimeout, settled: named)
    }

    /// Stops all services.
    func stop() {
        reporter.stop()
        cachedTokens.stop()
        trustedPeers.stop()
        prober.stop()
        resolver.stop()
    }
}
