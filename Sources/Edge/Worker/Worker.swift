// A worker: one thread with its event loop, the connections of its clients and their exchanges.
internal import Glibc
package import HTTP
internal import Inference
internal import Routing
package import Transport

/// Serves clients on one thread: accepts their connections, runs their exchanges, and calls executors.
///
/// A worker is made on its own thread and confined to that thread. Other threads send it messages through its mailbox
/// (`WorkerMessage`). It sends messages to the control thread with `report` (`WorkerReport`). The code that ends a
/// worker is in `Worker+Draining.swift`.
package final class Worker: ServerDelegate, ExchangeEnvironment {
    /// The event loop of the worker's thread.
    package let loop: EventLoop
    let process: ProcessState
    private let index: Int
    /// This worker's own entry in `process.workers`.
    let ownHandle: WorkerHandle
    let report: (WorkerReport) -> Void
    /// The snapshot that new requests use.
    private(set) var snapshot: Snapshot
    let scanner = JSONScanner()
    /// Counts the memory of this worker that does not belong to the connection of a client.
    ///
    /// The account counts the memory of the scanner, and of bytes that wait until executors read them.
    let ownMemory: MemoryAccount
    var scannerCharge = MemoryCharge()
    private(set) var keyHasher: HMACSHA256Hasher?
    let metrics: WorkerMetrics
    private let environment = HTTP2Environment()
    var listeners: WorkerListeners
    var connections = ConnectionTable()
    var exchanges = Slab<Exchange>()
    var clients: EngineClients
    var isLeaving = false
    /// Why the connections of this worker have to end: the server ends, or has been handed over; nil before that.
    var draining: ConnectionDrain?
    /// The limit that last kept this worker from accepting a connection (`takeRoom`), for the log and a counter.
    private var lackOfRoom = ConnectionRoom.Lack.maxConnections
    private var publishesLoadSoon = false
    private var exchangeIDs: ExchangeIDSource
    private var requestIDs = RequestIDSource()
    private var dateField = DateField()

    /// - Parameters:
    ///   - index: the worker's index in `process.workers`.
    ///   - report: called on the worker's thread with each message for the control thread.
    /// - Throws: `TLSError` if a certificate cannot be loaded.
    package init(
        index: Int,
        process: ProcessState,
        snapshot: Snapshot,
        listeners sockets: [ListenerKey: ListenerSet],
        report: @escaping (WorkerReport) -> Void
    ) throws(TLSError) {
        self.index = index
        ownHandle = process.workers[index]
        self.report = report
        self.process = process
        self.snapshot = snapshot
        loop = EventLoop(clock: process.clock, gather: snapshot.process.gather, poller: process.poller)
        ownMemory = MemoryAccount(source: process.budget)
        keyHasher = snapshot.access.makeHasher()
        clients = EngineClients(loop: loop, environment: ExecutorEnvironment(account: ownMemory))
        metrics = WorkerMetrics(tenants: process.tenants)
        exchangeIDs = ExchangeIDSource(
            processStart: process.processStart,
            worker: index,
            workers: process.workers.count
        )
        listeners = try WorkerListeners(snapshot.listeners, ticketKeys: process.ticketKeys)
        openListeners(sockets)
        ownHandle.setGeneration(snapshot.generation)
    }

    /// Begins to accept on the listeners that do not accept yet.
    func openListeners(_ sockets: [ListenerKey: ListenerSet]) {
        listeners.open { key in
            let own = sockets[key]?.sockets(address: 0, worker: index, of: process.workers.count) ?? []
            return own.map { makeListener(key, socket: $0) }
        }
    }

    private func makeListener(_ key: ListenerKey, socket: Socket) -> Listener {
        let listener = Listener(
            loop: loop,
            socket: socket,
            accepted: { [unowned self] in accepted($0, from: $1, listener: key) },
            exhausted: { [unowned self] code in warnOfPause(code) }
        )
        listener.takeRoom = { [unowned self] in takeRoom() }
        listener.returnRoom = { [unowned self] in process.connectionEnded() }
        return listener
    }

    var budget: MemoryBudget { process.budget }
    var retries: RetryBudget { process.retries }
    var promptHasher: PromptHasher { process.promptHasher }
    var bodyQueue: Lock<BodyQueue> { process.bodyQueue }
    var instanceID: String { process.instanceID }
    var addresses: AddressTable { process.addresses }
    var maintenance: Maintenance? { process.maintenance.current }
    var access: Authenticator { snapshot.access }

    /// Runs the event loop until the loop is stopped, and then reports the worker's counters to the control thread.
    package func run() {
        ownHandle.setTakesConnections(true)
        loop.attach(ownHandle.mailbox) { [unowned self] message in handle(message) }
        loop.onTurnEnd = { [unowned self] in metrics.turnEnded(began: loop.now, clock: loop.clock) }
        loop.run()
        report(.counted(worker: index, counters))
        loop.dismantle()
    }

    /// A copy of everything that the worker has counted, with the number of exchanges that are under way.
    var counters: WorkerCounters {
        var counters = metrics.counters
        counters.handshakesHeld = loop.handshakes.heldCount
        counters.handshakesWaiting = loop.handshakes.waitingCount
        for exchange in exchanges.elements {
            counters.phases[exchange.phase.index] += 1
            guard exchange.selection?.wait.isUnderWay == true, let row = exchange.record.row else { continue }
            counters.models[row.id]?.queued += 1
        }
        return counters
    }

    private func handle(_ message: WorkerMessage) {
        switch message {
        case .leave: isLeaving = true
        case .showTurn(let number): ownHandle.showTurn(number)
        case .drain: drain(.stopping)
        case .handOver: drain(.handedOver)
        case .expire: expire(within: Self.expirePeriod)
        case .cut: expire(within: Self.cutPeriod)
        case .stop: loop.stop()
        case .adopt(let snapshot, let sockets): adopt(snapshot, sockets)
        case .ask(let number, let question): report(.answered(worker: index, number: number, question(self)))
        case .engineDied(let engine, let death):
            for exchange in exchanges.elements { exchange.engineDied(engine, death) }
        case .serve(let socket, let peer, let listener, let hold):
            serve(socket, from: peer, listener: listener, hold: hold)
        case .waitEnded(let key, let end):
            // If the exchange has ended in the meantime, the executor that the pool has granted to it is given to the
            // next exchange in the queue.
            if let exchange = exchanges[key] { exchange.waitEnded(end) } else { end.giveBack(at: loop.now) }
        case .refuse(let slow):
            let refused = exchanges.elements.refuse(slow)
            if refused > 0 { bodyQueue.withLock { $0.refusedSlow(refused) } }
        case .scanned(let key, let outcome): exchanges[key]?.scanThreadReplied(outcome)
        }
    }

    /// Uses a snapshot for new requests; exchanges under way keep the snapshot with which they began.
    func adopt(_ new: Snapshot, _ sockets: [ListenerKey: ListenerSet]) {
        // A worker that drains accepts no connections, and keeps its snapshot until it ends.
        guard new.generation > snapshot.generation, draining == nil else { return }
        if new.access.keys !== snapshot.access.keys { keyHasher = new.access.makeHasher() }
        loop.gather = new.process.gather
        snapshot = new
        metrics.keep(new.knownModels)
        clients.adopt(new)
        let closing = listeners.adopt(new.listeners, ticketKeys: process.ticketKeys) { plan, error in
            let what = "the listener \(plan.address) goes on with its earlier certificates"
            process.warn(.certificates, "\(what): \(error)")
        }
        for listener in closing { listener.close() }
        openListeners(sockets)
        listeners.resumeWaiting()
        ownHandle.setGeneration(new.generation)
        report(.adopted(worker: index, generation: new.generation))
    }

    // MARK: Connections

    /// Counts one more connection and its memory, unless a limit is reached.
    ///
    /// - Returns: false if a limit is reached.
    private func takeRoom() -> Bool {
        guard let lack = process.takeRoom(snapshot) else { return true }
        lackOfRoom = lack
        return false
    }

    /// Counts a pause in accepting connections, and logs a warning.
    ///
    /// - Parameter code: the errno that made the listener pause; nil if it pauses because `takeRoom` returned false.
    private func warnOfPause(_ code: CInt?) {
        let pause = code.map { AcceptPause(code: $0) } ?? AcceptPause(lackOfRoom)
        metrics.acceptingPaused(pause)
        let why = code.map { SystemError.text($0) } ?? lackOfRoom.description
        process.warn(.acceptingPauses, "accepting pauses at \(process.connectionCount) connections: \(why)")
    }

    private func accepted(_ socket: Socket, from peer: SocketAddress, listener: ListenerKey) {
        metrics.connectionAccepted()
        if let refusal = listeners[listener]?.plan.settings.access.refusal(ofPeer: peer) {
            clientRefused(refusal, Client(peer: peer), detail: nil)
            socket.close()
            process.connectionEnded()
            return
        }
        let hold: AddressHold?
        do throws(AddressRefusal) {
            hold = try holdConnection(from: peer, at: listeners[listener]?.plan)
        } catch {
            refuse(socket, error)
            return
        }
        let chosen = process.workers.index(forConnectionAcceptedBy: index)
        // A worker that uses an older snapshot gets no connection, because it may not know the listener of the
        // connection.
        if chosen != index, process.workers[chosen].generation >= snapshot.generation {
            process.workers[chosen].connectionBegan()
            let message = WorkerMessage.serve(socket, peer: peer, listener: listener, hold: hold)
            if process.workers[chosen].mailbox.post(message) { return }
            // The worker that was chosen for the connection has ended in the meantime, so this worker serves the
            // connection.
            process.workers[chosen].connectionEnded()
        }
        ownHandle.connectionBegan()
        serve(socket, from: peer, listener: listener, hold: hold)
    }

    private func serve(_ socket: Socket, from peer: SocketAddress, listener: ListenerKey, hold: AddressHold?) {
        let channel: Channel
        let settings: ServerSettings
        var preamble: ProxyPreamble?
        do throws(SystemError) {
            guard let (plan, contexts) = listeners[listener] else {
                socket.close()
                throw SystemError("listener \(listener)", ENOENT)
            }
            settings = plan.settings.adjusted(for: peer)
            if settings.access.source == .proxyProtocol, settings.access.trusts(peer) { preamble = ProxyPreamble() }
            let tls = contexts.map { TLSConnection.server(in: $0, wire: loop.wire) }
            channel = try Channel.accept(socket, peer: peer, loop: loop, tls: tls, preamble: preamble)
        } catch {
            process.warn(.connectionClosed, "a client's connection is closed: \(error)")
            hold?.end()
            ownHandle.connectionEnded()
            process.connectionEnded()
            return
        }
        let connection = ServerConnection(
            channel: channel,
            settings: settings,
            environment: environment,
            account: MemoryAccount(
                source: process.budget,
                prepaid: MemoryBudget.connectionCharge,
                held: MemoryBudget.connectionCost,
                isTrusted: settings.isTrusted
            ),
            preamble: preamble,
            delegate: self
        )
        connection.hold = hold
        connections.insert(connection)
        publishLoadSoon()
        connection.start()
        // A worker that drains still gets connections, from workers that do not know yet that it drains. After a
        // hand-over to a new process, it also gets the connections that wait in the backlogs of its sockets.
        if let draining { connection.drain(draining) }
    }

    /// Removes a closed connection.
    ///
    /// Listeners that have paused at a limit then accept connections again. If the worker drains, they do not, and the
    /// worker ends after its last connection.
    package func connectionEnded(_ connection: ServerConnection) {
        guard connections.remove(connection) else { return }
        ownHandle.connectionEnded()
        process.connectionEnded()
        ownHandle.publishLoad(connections: connections.servedCount)
        if draining != nil { endIfDrained() } else { listeners.resumeWaiting() }
    }

    /// Counts a failed TLS handshake of a client.
    package func handshakeFailed(_ failure: HandshakeFailure) { metrics.handshakeFailed(failure) }

    /// Warns of a client that is refused because of its certificate.
    package func refusedCertificate(_ reason: String, on connection: ServerConnection) {
        let host = connection.client.address.host
        process.warn(.clientCertificate, "a TLS handshake of \(host) is refused for its client certificate: \(reason)")
    }

    /// Counts a client that speaks another protocol than the listener serves, and logs a warning.
    package func spokeOtherwise(_ what: OtherProtocol, on connection: ServerConnection) {
        metrics.spokeOtherwise(what)
        process.warn(
            .spoke(what),
            "\(connection.client.address.host) sent \(what.description): its connection is closed"
        )
    }

    /// Counts a client that is refused because of its address, and logs a warning.
    ///
    /// - Parameter detail: what is wrong with the PROXY header; nil if a rule about addresses has refused the client.
    package func clientRefused(_ why: ClientRefusal, _ client: Client, detail: StaticString?) {
        metrics.clientRefused(why)
        let rule = detail.map { "PROXY header: \($0)" } ?? "by \(why.rawValue)"
        process.warn(.clientRefused(why), "\(client.address.host) is refused (\(rule))")
    }

    /// Logs a warning that requests on a connection are refused, because the connection may hold no more memory.
    package func refusedForMemory(on connection: ServerConnection) {
        let held = connection.account.held >> 10
        process.warn(.memory, "requests are refused: a connection holds \(held) KiB of memory_limit")
    }

    /// The delay between a change of this worker's load and its publication to other workers, in nanoseconds.
    ///
    /// Connections that arrive together need about this time until all of them carry exchanges. Only then does the
    /// number of exchanges show the real load.
    private static let loadInterval: Nanoseconds = 250_000_000

    private func publishLoadSoon() {
        guard !publishesLoadSoon, process.workers.count > 1 else { return }
        publishesLoadSoon = true
        _ = loop.timers.schedule(
            at: loop.now + Self.loadInterval,
            target: TimerClosure { [unowned self] in
                publishesLoadSoon = false
                ownHandle.publishLoad(connections: connections.servedCount)
            },
            kind: 0
        )
    }

    // MARK: Exchanges

    /// Begins an exchange for a request whose head has arrived.
    package func handler(for head: RequestHead, on stream: ServerStream) -> any ServerStreamHandler {
        let exchange = Exchange(environment: self, head: head, stream: stream)
        exchange.key = exchanges.insert(exchange)
        loop.handshakes.hasStreams = true
        ownHandle.exchangeBegan()
        connections.markServed(stream.connection)
        publishLoadSoon()
        return exchange
    }

    /// Answers a request that the HTTP layer has refused, and counts and logs it like an exchange.
    package func refusal(status: Int, message: String, on stream: ServerStream) {
        let refusal = Refusal(failure: Failure(refusal: status, message), requestID: requestIDs.next())
        refusal.respond(on: stream, date: date)
        record(
            FinishedExchange(
                refused: refusal.failure,
                id: nextExchangeID(),
                requestID: refusal.requestID,
                stream: stream,
                now: loop.now
            )
        )
    }

    func exchangeEnded(_ exchange: Exchange, _ finished: FinishedExchange) {
        guard exchanges.remove(exchange.key) != nil else { return }
        loop.handshakes.hasStreams = !exchanges.isEmpty
        ownHandle.exchangeEnded()
        publishLoadSoon()
        let connection = exchange.stream.connection
        if exchange.record.isOfKnownClient, connections.isNoteDue(connection, at: loop.now) {
            process.addresses.noteKnown(connection.client.address, at: loop.now)
        }
        record(finished, row: exchange.record.row)
    }

    /// Counts a finished exchange and writes its log line.
    private func record(_ finished: FinishedExchange, row: ModelRow? = nil) {
        guard !finished.isHealthCheck else { return }
        metrics.count(finished, row: row)
        if snapshot.accessLog { process.log.write(finished.logLine, priority: finished.end.priority) }
    }

    func nextExchangeID() -> ExchangeID { exchangeIDs.next() }
    func requestID(for head: RequestHead) -> String { requestIDs.id(for: head) }
    var date: String { dateField.value() }

    func send(
        _ request: ExecutorRequest,
        to target: ExecutorTarget,
        handler: any ExecutorStreamHandler
    ) -> any ExecutorStream {
        clients.client(of: target.engine).send(request, handler: handler)
    }

    func scanElsewhere(_ body: RequestBody, coding: ContentCoding?, charge: BodyCharge, for exchange: Exchange) {
        let (mailbox, key) = (ownHandle.mailbox, exchange.key)
        process.scanThread.post(
            ScanThread.Job(
                body: InTransit(value: body),
                charge: charge,
                budget: budget,
                dialect: exchange.dialect,
                names: exchange.snapshot.sessionFields.members,
                coding: coding,
                bytesMax: exchange.snapshot.limits.bodyBytesMax
            ) { outcome in mailbox.post(.scanned(exchange: key, outcome)) },
            // The scan thread shares its time equally among callers. Many users may share one address, so a caller with
            // an API key is identified by the key. Any other caller is identified by its IPv4 address or IPv6 /64.
            of: exchange.record.key ?? AddressGroup(exchange.stream.client.address)?.description ?? ""
        )
    }

    func refuse(_ slow: SlowBodies) { process.postToAll(.refuse(slow)) }

    func refuseLongestWait(besides exchange: Exchange) -> Bool {
        guard exchanges.elements.refuseLongestWait(besides: exchange) else { return false }
        bodyQueue.withLock { $0.refusedLongest() }
        return true
    }

    func waitEnd(for exchange: Exchange) -> @Sendable (WaitEnd) -> Void {
        let (mailbox, key, clock) = (ownHandle.mailbox, exchange.key, process.clock)
        return { end in
            let isTaken = mailbox.post(.waitEnded(exchange: key, end))
            if !isTaken { end.giveBack(at: clock.now) }
        }
    }
}
