// The admin listener: metrics and health, served by the control thread.
internal import HTTP
internal import Inference
internal import Transport

/// Serves the admin listener with the same HTTP server that clients talk to; confined to the control thread.
final class AdminServer: ServerDelegate {
    /// How many connections may be open at once; further ones wait in the kernel's backlog.
    static let connectionsMax = 64

    /// The state of the process; the raw values are those in `/health/ready`.
    enum State: String { case starting, ready, draining }

    let loop: EventLoop
    let process: ProcessState
    let snapshot: Snapshot
    /// Collects the counters of the workers.
    let collector: CounterCollector
    /// The health probes; nil before they begin.
    var prober: HealthProber?
    /// When the first certificate of each chain expires, in seconds since 1970; chains that could not be read at the
    /// start are left out.
    let certificates: [(listener: String, chain: String, expires: Int64)]
    /// How many workers serve; the supervisor sets it.
    var workers = 0
    /// The state of the process; the supervisor sets it.
    var state = State.starting

    private let environment = HTTP2Environment()
    private let sockets: ListenerSet
    private var settings = ServerSettings()
    private var listener: Listener?
    private var connections: [ObjectIdentifier: ServerConnection] = [:]

    /// Begins to accept connections.
    ///
    /// - Parameter sockets: holds the one socket of the listener; `close` closes it.
    init(loop: EventLoop, sockets: ListenerSet, process: ProcessState, snapshot: Snapshot, survey: WorkerSurvey) {
        self.loop = loop
        self.sockets = sockets
        self.process = process
        self.snapshot = snapshot
        certificates = snapshot.listeners.flatMap { listener in
            listener.certificates.compactMap { files in
                CertificateInspection.expiry(chain: files.chain).map { ("\(listener.address)", files.chain, $0) }
            }
        }
        collector = CounterCollector(survey: survey, workers: process.workers.count)
        settings.streamsMax = 16
        let listener = Listener(
            loop: loop,
            socket: sockets.socket(address: 0, worker: 0),
            accepted: { [unowned self] in accepted($0, from: $1) },
            exhausted: { _ in }
        )
        listener.takeRoom = { [unowned self] in connections.count < Self.connectionsMax }
        self.listener = listener
    }

    /// The address that the listener is bound to.
    var address: SocketAddress { sockets.addresses[0] }

    /// Closes the listener and all its connections.
    func close() {
        listener?.pause()
        listener = nil
        for connection in Array(connections.values) { connection.close(.edge) }
        sockets.close()
    }

    private func accepted(_ socket: Socket, from peer: SocketAddress) {
        let channel: Channel
        do throws(SystemError) {
            channel = try Channel.accept(socket, peer: peer, loop: loop)
        } catch {
            process.warn(.adminConnection, "a connection to the admin listener is closed: \(error)")
            return
        }
        let connection = ServerConnection(
            channel: channel,
            settings: settings,
            environment: environment,
            delegate: self
        )
        connections[ObjectIdentifier(connection)] = connection
        connection.start()
    }

    // MARK: ServerDelegate

    func handler(for head: RequestHead, on stream: ServerStream) -> any ServerStreamHandler {
        AdminExchange(server: self, head: head, stream: stream)
    }

    func refusal(status: Int, message: String, on stream: ServerStream) {
        AdminExchange.respond(
            status: status,
            json: Failure(refusal: status, message).body(.other, requestID: ""),
            on: stream
        )
    }

    func connectionEnded(_ connection: ServerConnection) {
        connections[ObjectIdentifier(connection)] = nil
        if let listener, listener.isWaiting { listener.resume() }
    }
}
