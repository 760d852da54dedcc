// A worker: one thread, its event loop, and everything that lives on it. Made on its thread, confined to it.
package import HTTP
internal import Inference
package import Routing
package import Transport

/// What other threads may tell a worker, by its mailbox.
package enum WorkerMessage: Sendable {
    /// No new connections; those that are there end after their requests.
    case drain
    /// The patience of draining is over: what is under way breaks off, in band.
    case expire
    /// The same, and the connections close at once after it.
    case cut
    case stop
    /// A configuration has been resolved anew: requests that begin from now on have this snapshot.
    case adopt(Snapshot)
    /// A question with this number, see `WorkerSurvey`.
    case ask(Int, @Sendable (Worker) -> any Sendable)
    /// Probes find the engine dead: attempts there from which nothing comes are lost. Said again with each further probe.
    case engineDied(Engine, EngineDeath)
    /// A connection that another worker accepted, of the listening socket with this place.
    ///
    /// It has been admitted, and counted at this worker's handle.
    case serve(Socket, peer: SocketAddress, listener: Int)
    /// An executor for the exchange that has waited for it, at this place with this number.
    case waitEnded(place: Int, number: Int, WaitEnd)
    /// A large body has been scanned: for the exchange at this place with this number.
    case scanned(place: Int, number: Int, ScanOutcome)
}

/// What a worker tells the control thread.
package enum WorkerReport: Sendable {
    case started
    case failed(String)
    /// Its listeners are idle: the sockets may be closed.
    case stoppedAccepting
    /// The answer of the worker with this index to the question with this number.
    case answered(worker: Int, number: Int, any Sendable)
    /// The last counters of a worker that ends.
    case counted(worker: Int, WorkerCounters)
    case ended(worker: Int)
}

package final class Worker: ServerDelegate, ExchangeEnvironment {
    package let loop: EventLoop
    let process: ProcessState
    private let index: Int
    private let ownHandle: WorkerHandle
    private let report: (WorkerReport) -> Void
    /// For the requests that begin now.
    private(set) var snapshot: Snapshot
    let scanner = JSONScanner()
    /// What is held for all connections together: the scanner's memory, what executors have not taken.
    let ownMemory: MemoryAccount
    var scannerCharge = MemoryCharge()
    let keyHasher: HMACSHA256Hasher?
    let metrics: WorkerMetrics
    private let environment = HTTP2Environment()
    /// By the place of the listening socket, each of these three.
    private var listeners: [Listener] = []
    private var plans: [ListenerPlan]
    private var contexts: [TLSServerContexts?] = []
    private var connections: [ServerConnection?] = []
    private var freeConnections: [Int] = []
    /// By slot: the connection has carried an exchange.
    private var hasServed: [Bool] = []
    private var servedConnections = 0
    private var settlesSoon = false
    private var exchanges: [Exchange?] = []
    private var freeExchanges: [Int] = []
    /// Exchanges and refusals so far: numbers them, and so tells an exchange from an earlier one in its slot.
    private var exchangesBegun = 0
    private var clients: EngineClients
    private(set) var isDraining = false
    /// Why the last connection that was not accepted has to wait.
    private var lackOfRoom = ConnectionRoom.Lack.maxConnections
    private var requestIDs = RequestIDSource()
    private var dateSecond = 0
    private var dateText = ""

    /// - Throws: when a certificate cannot be loaded.
    package init(
        index: Int,
        process: ProcessState,
        snapshot: Snapshot,
        listeners set: ListenerSet,
        report: @escaping (WorkerReport) -> Void
    ) throws(TLSError) {
        self.index = index
        ownHandle = process.workers[index]
        self.report = report
        self.process = process
        self.snapshot = snapshot
        loop = EventLoop(clock: process.clock, gather: process.gather, poller: process.poller)
        ownMemory = MemoryAccount(source: process.budget)
        keyHasher = process.access.makeHasher()
        clients = EngineClients(loop: loop, environment: ExecutorEnvironment(account: ownMemory))
        metrics = WorkerMetrics(tenants: process.tenants)
        plans = snapshot.listeners
        for plan in plans { contexts.append(try plan.makeContexts(process.ticketKeys)) }
        for place in plans.indices {
            let listener = Listener(
                loop: loop,
                socket: set.socket(address: place, worker: index),
                accepted: { [unowned self] in accepted($0, from: $1, listener: place) },
                exhausted: { [unowned self] code in warnOfPause(code) }
            )
            listener.takeRoom = { [unowned self] in takeRoom() }
            listener.returnRoom = { [unowned self] in self.process.connectionEnded() }
            listeners.append(listener)
        }
    }

    private func warnOfPause(_ code: CInt?) {
        let pause = code.map { AcceptPause(code: $0) } ?? AcceptPause(lackOfRoom)
        metrics.acceptingPaused(pause)
        let why = code.map { SystemError.text($0) } ?? lackOfRoom.description
        process.warn(.acceptingPauses, "accepting pauses at \(process.connectionCount) connections: \(why)")
    }

    /// For one more connection.
    private func takeRoom() -> Bool {
        guard let lack = process.takeRoom(snapshot) else { return true }
        lackOfRoom = lack
        return false
    }

    var budget: MemoryBudget { process.budget }
    var retries: RetryBudget { process.retries }
    var access: Authenticator { process.access }

    /// Serves until it is told to stop.
    package func run() {
        ownHandle.setTakesConnections(true)
        loop.attach(ownHandle.mailbox) { [unowned self] message in handle(message) }
        loop.onTurnEnd = { [unowned self] in metrics.turnEnded(began: loop.now, clock: loop.clock) }
        loop.run()
        report(.counted(worker: index, counters))
        loop.dismantle()
    }

    /// What it has counted, and what is under way.
    var counters: WorkerCounters {
        var counters = metrics.counters
        for case .some(let exchange) in exchanges {
            counters.phases[exchange.phase.place] += 1
            guard exchange.selection?.wait.isUnderWay == true, let row = exchange.record.row else { continue }
            counters.models[row.id]?.queued += 1
        }
        return counters
    }

    private func handle(_ message: WorkerMessage) {
        switch message {
        case .drain: drain()
        case .expire: expire(within: 1_000_000_000)
        case .cut: expire(within: Self.cutPeriod)
        case .stop: loop.stop()
        case .adopt(let snapshot): adopt(snapshot)
        case .ask(let number, let question): report(.answered(worker: index, number: number, question(self)))
        case .engineDied(let engine, let death):
            for exchange in exchanges { exchange?.engineDied(engine, death) }
        case .serve(let socket, let peer, let listener):
            serve(socket, from: peer, listener: listener)
        case .waitEnded(let place, let number, let end):
            let exchange = place < exchanges.count ? exchanges[place] : nil
            guard let exchange, exchange.record.id.number == number else {
                end.giveBack(at: loop.now)
                return
            }
            exchange.waitEnded(end)
        case .scanned(let place, let number, let result):
            guard place < exchanges.count, let exchange = exchanges[place], exchange.record.id.number == number
            else { return }
            exchange.scanThreadReplied(result)
        }
    }

    // MARK: Snapshots

    /// Takes a snapshot for the requests that begin from now on; those under way keep theirs.
    func adopt(_ new: Snapshot) {
        guard new.generation > snapshot.generation else { return }
        snapshot = new
        metrics.keep(new.knownModels)
        clients.adopt(new)
        for place in plans.indices {
            guard let plan = new.listeners.first(where: { $0.address == plans[place].address }) else { continue }
            adopt(plan, at: place)
        }
        for listener in listeners where listener.isWaiting { listener.resume() }
    }

    /// A listener's certificates that cannot be loaded leave it as it was.
    private func adopt(_ plan: ListenerPlan, at place: Int) {
        let (old, new) = (plans[place], plan)
        if new.certificates != old.certificates || new.settings.speaksHTTP2 != old.settings.speaksHTTP2 {
            do throws(TLSError) {
                contexts[place] = try plan.makeContexts(process.ticketKeys)
            } catch {
                let what = "the listener \(plan.address) goes on with its earlier certificates"
                process.warn(.certificates, "\(what): \(error)")
                return
            }
        }
        plans[place] = plan
    }

    // MARK: Connections

    /// Connections that have not ended.
    private var liveConnections: Int { connections.count - freeConnections.count }

    private func accepted(_ socket: Socket, from peer: SocketAddress, listener: Int) {
        metrics.connectionAccepted()
        let place = process.workers.place(forConnectionAcceptedBy: index)
        if place != index {
            process.workers[place].connectionBegan()
            if process.workers[place].mailbox.post(.serve(socket, peer: peer, listener: listener)) { return }
            // It has ended meanwhile.
            process.workers[place].connectionEnded()
        }
        ownHandle.connectionBegan()
        serve(socket, from: peer, listener: listener)
    }

    private func serve(_ socket: Socket, from peer: SocketAddress, listener: Int) {
        let plan = plans[listener]
        let tls = contexts[listener].map { TLSConnection.server(in: $0, wire: loop.wire) }
        let channel: Channel
        do throws(SystemError) {
            channel = try Channel.accept(socket, peer: peer, loop: loop, tls: tls)
        } catch {
            process.warn(.connectionClosed, "a client's connection is closed: \(error)")
            ownHandle.connectionEnded()
            process.connectionEnded()
            return
        }
        let connection = ServerConnection(
            channel: channel,
            settings: plan.settings,
            environment: environment,
            account: MemoryAccount(
                source: process.budget,
                prepaid: MemoryBudget.connectionCharge,
                held: MemoryBudget.connectionCost,
                isTrusted: plan.settings.isTrusted
            ),
            delegate: self
        )
        if let slot = freeConnections.popLast() {
            connection.slot = slot
            connections[slot] = connection
        } else {
            connection.slot = connections.count
            connections.append(connection)
            hasServed.append(false)
        }
        settleSoon()
        connection.start()
        // Accepted by a worker that had not heard of it yet.
        if isDraining { connection.drain() }
    }

    package func connectionEnded(_ connection: ServerConnection) {
        guard connections[connection.slot] === connection else { return }
        connections[connection.slot] = nil
        freeConnections.append(connection.slot)
        if hasServed[connection.slot] { servedConnections -= 1 }
        hasServed[connection.slot] = false
        ownHandle.connectionEnded()
        process.connectionEnded()
        ownHandle.publishLoad(connections: servedConnections)
        if isDraining {
            endIfDrained()
        } else {
            for listener in listeners where listener.isWaiting { listener.resume() }
        }
    }

    package func handshakeFailed(_ failure: HandshakeFailure) { metrics.handshakeFailed(failure) }

    // MARK: Requests

    package func handler(for head: RequestHead, on stream: ServerStream) -> any ServerStreamHandler {
        let exchange = Exchange(environment: self, head: head, stream: stream)
        if let slot = freeExchanges.popLast() {
            exchange.slot = slot
            exchanges[slot] = exchange
        } else {
            exchange.slot = exchanges.count
            exchanges.append(exchange)
        }
        ownHandle.exchangeBegan()
        let slot = stream.connection.slot
        if connections[slot] === stream.connection, !hasServed[slot] {
            hasServed[slot] = true
            servedConnections += 1
        }
        settleSoon()
        return exchange
    }

    /// Has the body scanned by another thread; the answer comes by the mailbox, if the exchange is still there then.
    func scanElsewhere(_ body: RequestBody, coding: ContentCoding?, charge: BodyCharge, for exchange: Exchange) {
        let (mailbox, place, number) = (ownHandle.mailbox, exchange.slot, exchange.record.id.number)
        process.scanThread.post(
            ScanThread.Job(
                body: InTransit(value: body),
                charge: charge,
                budget: budget,
                dialect: exchange.dialect,
                coding: coding,
                bytesMax: exchange.snapshot.limits.bodyBytesMax
            ) { outcome in mailbox.post(.scanned(place: place, number: number, outcome)) }
        )
    }

    package func refusedForMemory(on connection: ServerConnection) {
        let held = connection.account.held >> 10
        process.warn(.memory, "requests are refused: a connection holds \(held) KiB of memory_limit")
    }

    func waitEnd(for exchange: Exchange) -> @Sendable (WaitEnd) -> Void {
        let (mailbox, place, number) = (ownHandle.mailbox, exchange.slot, exchange.record.id.number)
        let clock = process.clock
        return { end in
            let isTaken = mailbox.post(.waitEnded(place: place, number: number, end))
            if !isTaken { end.giveBack(at: clock.now) }
        }
    }

    func exchangeEnded(_ exchange: Exchange, _ finished: FinishedExchange) {
        guard exchange.slot < exchanges.count, exchanges[exchange.slot] === exchange else { return }
        exchanges[exchange.slot] = nil
        freeExchanges.append(exchange.slot)
        ownHandle.exchangeEnded()
        settleSoon()
        tell(finished, row: exchange.record.row)
    }

    /// Everybody who is told of exchanges that are over.
    private func tell(_ finished: FinishedExchange, row: ModelRow? = nil) {
        guard !finished.isHealthCheck else { return }
        metrics.count(finished, row: row)
        if snapshot.accessLog { process.log.write(finished.logLine, priority: finished.end.priority) }
    }

    func nextExchangeID() -> ExchangeID {
        exchangesBegun += 1
        return ExchangeID(
            processStart: process.processStart,
            number: (exchangesBegun - 1) * process.workers.count + index + 1
        )
    }

    /// How long the others know nothing of what has changed here: long enough for the streams of connections that came
    /// together to have begun on all of them.
    private static let settleInterval: Nanoseconds = 250_000_000

    private func settleSoon() {
        guard !settlesSoon, process.workers.count > 1 else { return }
        settlesSoon = true
        _ = loop.timers.schedule(
            at: loop.now + Self.settleInterval,
            target: TimerClosure { [unowned self] in
                settlesSoon = false
                ownHandle.publishLoad(connections: servedConnections)
            },
            kind: 0
        )
    }

    package func spokeOtherwise(_ what: OtherProtocol, on connection: ServerConnection) {
        metrics.spokeOtherwise(what)
        process.warn(
            .spoke(what),
            "\(connection.client.address.host) sent \(what.description): its connection is closed"
        )
    }

    package func refusal(status: Int, message: String, on stream: ServerStream) {
        let failure = Failure(refusal: status, message)
        let id = requestIDs.next()
        let body = failure.body(.other, requestID: id)
        var fields = FieldBlock()
        fields.append(.contentType, "application/json")
        fields.append(.contentLength, body.count)
        fields.append(.date, date)
        fields.append(.requestID, id)
        if let seconds = failure.retryAfter { fields.append(.retryAfter, seconds) }
        stream.respond(ResponseHead(status: failure.status, fields: fields), end: false)
        stream.send(body.span)
        stream.finish()
        tell(FinishedExchange(refused: failure, id: nextExchangeID(), requestID: id, stream: stream, now: loop.now))
    }

    func send(
        _ request: ExecutorRequest,
        to target: ExecutorTarget,
        handler: any ExecutorStreamHandler
    ) -> any ExecutorStream {
        client(of: target).send(request, handler: handler)
    }

    /// The connections of this worker to the engine of an executor.
    private func client(of target: ExecutorTarget) -> ExecutorClient { clients.client(of: target.engine) }

    // MARK: Names and times

    /// The client's `x-request-id` if it is well-formed, else one of ours.
    func requestID(for head: RequestHead) -> String {
        if let given = head.fields.first(.requestID), (1...128).contains(given.count),
            given.allSatisfy({ $0.isRequestIDCharacter })
        {
            return String(decoding: given, as: UTF8.self)
        }
        return requestIDs.next()
    }

    /// The `date` field's value, made once a second.
    var date: String {
        let second = Clock.wallTime().seconds
        if second != dateSecond {
            dateSecond = second
            dateText = Timestamp.imfFixdate(seconds: second)
        }
        return dateText
    }

    // MARK: Draining

    private func drain() {
        guard !isDraining else { return }
        isDraining = true
        ownHandle.setTakesConnections(false)
        for listener in listeners { listener.pause() }
        report(.stoppedAccepting)
        for connection in connections { connection?.drain() }
        clients.closeIdle()
        endIfDrained()
    }

    /// For what a connection has to say of its end to be written.
    private static let cutPeriod: Nanoseconds = 50_000_000

    private func expire(within period: Nanoseconds) {
        for exchange in exchanges { exchange?.handle(.drainExpired) }
        // What the clients take within this time they have; then the connections go.
        _ = loop.timers.schedule(
            at: loop.now + period,
            target: TimerClosure { [unowned self] in
                for connection in connections { connection?.close(.edge) }
                loop.stop()
            },
            kind: 0
        )
    }

    private func endIfDrained() {
        // A connection that ends now may still have bytes to flush: one more turn, and the channels linger no longer.
        guard liveConnections == 0 else { return }
        _ = loop.timers.schedule(
            at: loop.now + 50_000_000,
            target: TimerClosure { [unowned self] in
                // One that another worker had handed on may have come meanwhile.
                if liveConnections == 0 { loop.stop() }
            },
            kind: 0
        )
    }
}

/// A timer's target that is a closure.
final class TimerClosure: TimerTarget {
    private let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
    func timerFired(_ kind: Int) { body() }
}

extension UInt8 {
    fileprivate var isRequestIDCharacter: Bool {
        switch self {
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
        default: isAlphanumeric
        }
    }
}

extension Failure {
    /// The failure that a refusal of the HTTP layer is.
    init(refusal status: Int, _ message: String) {
        if status == 503 {
            self = .noMemory
            return
        }
        let kind: Kind =
            switch status {
            case 408: .requestTimeout
            case 413: .bodyTooLarge
            case 414: .targetTooLong
            case 417: .expectationFailed
            case 431: .headerTooLarge
            case 501: .methodNotImplemented
            case 505: .versionNotSupported
            default: .malformedRequest
            }
        self.init(kind, message)
        // The words are ours: nothing of the client's bytes is in them.
        detail = message
    }
}
