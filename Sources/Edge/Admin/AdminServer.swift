// The admin listener: serves metrics and health on the control thread, which also does reloads and upgrades.
internal import Configuration
internal import HTTP
internal import Transport

/// Answers requests to the admin listener; used only by the control thread, which also does reloads and upgrades.
///
/// These requests only read: none of them changes the state of the server.
final class AdminServer {
    /// The state of this server process; `/health/ready` shows the raw value.
    enum State: String { case starting, ready, leaving = "lame_duck", draining }

    let loop: EventLoop
    let process: ProcessState
    /// The configuration in force.
    let running: RunningConfiguration
    /// Collects the counters of the workers.
    let collector: CounterCollector
    /// Sends the health probes to the engines; nil before the supervisor has started them.
    var prober: HealthProber?
    /// The certificate chains that the server's listeners present to clients.
    ///
    /// Each element has the listener's address, the name in the first certificate, the path of the chain's file, and
    /// the earliest expiry of the chain's certificates, in seconds since 1970. A chain that cannot be read is left out.
    private(set) var certificates: [(listener: String, name: String, chain: String, expires: Int64)] = []
    /// Detects workers whose event loops are stuck; nil before this process is the main process.
    var watch: WorkerWatch?
    /// Starts upgrades, and keeps the list of the older processes that drain; nil before this process is the main
    /// process.
    var upgrader: Upgrader?
    /// 1 for a process that was started anew; for the successor in an upgrade, one more than its predecessor's number.
    var processNumber = 1
    /// How many workers are running; the supervisor sets it.
    var workers = 0
    /// How many connections the listener has closed because `admin.allow` does not contain the peer's address.
    private(set) var refusedConnections = 0
    /// The state of the process; the supervisor sets it.
    var state = State.starting

    private var listener: ControlListener?
    private var sockets: ListenerSet
    /// Whether the sockets are closed, so that they are never closed twice.
    ///
    /// The kernel reuses the numbers of closed descriptors, so a second close could close a file that was opened since.
    private var isClosed = false

    /// Makes an admin server that accepts no connections before `open` is called.
    init(loop: EventLoop, process: ProcessState, running: RunningConfiguration, survey: WorkerSurvey) {
        self.loop = loop
        self.process = process
        self.running = running
        sockets = running.sockets.admin
        collector = CounterCollector(survey: survey, workers: process.workers.count)
        readCertificates()
    }

    /// Begins to accept connections; does nothing if the listener accepts already.
    func open() {
        guard listener == nil else { return }
        sockets = running.sockets.admin
        listener = ControlListener(
            loop: loop,
            sockets: sockets,
            process: process,
            admits: { [unowned self] in admits($0) },
            handle: { [unowned self] head, stream, _ in AdminExchange(server: self, head: head, stream: stream) }
        )
    }

    /// Whether `admin.allow` of the configuration in force permits connections from this peer.
    private func admits(_ peer: SocketAddress) -> Bool {
        guard !peer.isUnix, let allow = running.configuration.admin.allow else { return true }
        if allow.contains(where: { $0.contains(peer) }) { return true }
        refusedConnections += 1
        process.warn(.adminConnection, "a connection of \(peer.host) to the admin listener is closed: admin.allow")
        return false
    }

    private func readCertificates() {
        certificates = snapshot.listeners.flatMap { listener in
            listener.certificates.compactMap { contents in
                CertificateInspection.expiry(contents).map {
                    ("\(listener.address)", $0.name, contents.files.chain, $0.expires)
                }
            }
        }
    }

    /// The immutable state that was made from the configuration in force.
    var snapshot: Snapshot { running.snapshot }

    /// The address that the listener is bound to.
    var address: SocketAddress { sockets.addresses[0] }

    /// Applies a new configuration, after a reload has put it in force.
    ///
    /// If the address of the admin listener has changed, the connections to the old address are closed.
    func adopt() {
        readCertificates()
        guard !sockets.isSame(as: running.sockets.admin) else { return }
        sockets = running.sockets.admin
        listener?.close()
        listener = nil
        open()
        OperatorLog.say("listening on \(address) (admin)")
    }

    /// Closes the listener and its connections, because the successor process serves the admin listener from now on.
    ///
    /// - Parameter sockets: the same sockets in a new set. Closing this set does not remove the file of a unix socket,
    ///   because the successor still uses the file.
    func handOver(_ sockets: ListenerSet) {
        self.sockets = sockets
        close()
    }

    /// Closes the listener and all its connections.
    func close() {
        listener?.close()
        listener = nil
        guard !isClosed else { return }
        isClosed = true
        sockets.close()
    }
}
