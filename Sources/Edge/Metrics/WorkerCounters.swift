// What one worker has counted since it began: its own, written without locks, and copied when the control thread asks.
internal import Glibc
internal import HTTP
internal import Inference
internal import Transport

/// A value: the worker has one and changes it, the control thread gets copies and adds them up.
package struct WorkerCounters: Sendable {
    /// Of one model; in a row of its own what named no model that there is.
    package struct OfModel: Sendable {
        /// By `place(of:)`.
        var ends: [UInt64] = Array(repeating: 0, count: Ending.places)
        /// By the status that the client was told, be it in a stream that had begun with 200; 0 where it was told none.
        var statuses: [Int: UInt64] = [:]
        var tokens: [TokenKind: UInt64] = [:]
        var firstToken = Histogram(bounds: Buckets.firstToken)
        var gap = Histogram(bounds: Buckets.gap)
        /// Of one whole stream, its tokens after the first.
        var timePerToken = Histogram(bounds: Buckets.firstToken)
        var duration = Histogram(bounds: Buckets.duration)
        var queueWait = Histogram(bounds: Buckets.queueWait)
        var input = Histogram(bounds: Buckets.tokens)
        var output = Histogram(bounds: Buckets.tokens)
        /// Attempts that are over: by the executor's id, then by how they ended as in `ends`.
        var attempts = AttemptCounts()
        /// At the moment of the copy.
        var queued = 0
    }

    struct TokenKind: Hashable, Sendable {
        var isInput: Bool
        var isEstimated: Bool
    }

    /// By the id of the model's entry; at `noModel` what named no model that there is.
    var models: [Int: OfModel] = [:]
    /// No entry has this id.
    package static let noModel = 0
    /// By the tenant's place among `TenantLabels`.
    var wastedTokens: [UInt64] = []
    /// Connections whose client spoke something else than its listener.
    var otherProtocols: [OtherProtocol: UInt64] = [:]
    var bytesIn: UInt64 = 0
    var bytesOut: UInt64 = 0
    /// From the end of a request to its hand-over to an executor's connection.
    var requestOverhead = Histogram(bounds: Buckets.overhead)
    /// From an answer's first event to its hand-over to the client's connection.
    var answerOverhead = Histogram(bounds: Buckets.overhead)
    var abortToExecutor = Histogram(bounds: Buckets.overhead)
    /// Connections of clients that were accepted.
    var accepted: UInt64 = 0
    /// How often accepting paused, by `AcceptPause.place`.
    var acceptPauses = [UInt64](repeating: 0, count: AcceptPause.allCases.count)
    /// By `HandshakeFailure.index`.
    var handshakeFailures = [UInt64](repeating: 0, count: HandshakeFailure.allCases.count)
    /// Exchanges at the moment of the copy, by `ExchangeMachine.Phase.place`.
    var phases: [Int] = Array(repeating: 0, count: ExchangeMachine.Phase.labels.count)

    package init() {}

    /// Adds what another worker has counted.
    mutating func add(_ other: WorkerCounters) {
        for (id, row) in other.models { models[id, default: OfModel()].add(row) }
        Self.add(other.wastedTokens, to: &wastedTokens)
        for (what, count) in other.otherProtocols { otherProtocols[what, default: 0] &+= count }
        bytesIn &+= other.bytesIn
        bytesOut &+= other.bytesOut
        requestOverhead.add(other.requestOverhead)
        answerOverhead.add(other.answerOverhead)
        abortToExecutor.add(other.abortToExecutor)
        accepted &+= other.accepted
        Self.add(other.acceptPauses, to: &acceptPauses)
        Self.add(other.handshakeFailures, to: &handshakeFailures)
        for place in phases.indices { phases[place] += other.phases[place] }
    }

    fileprivate static func add(_ other: [UInt64], to counts: inout [UInt64]) {
        while counts.count < other.count { counts.append(0) }
        for place in other.indices { counts[place] &+= other[place] }
    }
}

extension WorkerCounters.OfModel {
    mutating func add(_ other: Self) {
        WorkerCounters.add(other.ends, to: &ends)
        for (status, count) in other.statuses { statuses[status, default: 0] &+= count }
        for (kind, count) in other.tokens { tokens[kind, default: 0] &+= count }
        firstToken.add(other.firstToken)
        gap.add(other.gap)
        timePerToken.add(other.timePerToken)
        duration.add(other.duration)
        queueWait.add(other.queueWait)
        input.add(other.input)
        output.add(other.output)
        attempts.add(other.attempts)
        queued += other.queued
    }
}

/// Attempts that are over, by the ids of their executors and by how they ended.
///
/// A model has few executors: to look through them costs less than to hash an id.
package struct AttemptCounts: Sendable {
    private var rows: [(executor: Int, ends: [UInt64])] = []

    /// By the place of how they ended, see `Ending`; nil where there has been no attempt.
    subscript(executor: Int) -> [UInt64]? { rows.first { $0.executor == executor }?.ends }

    mutating func count(_ place: Int, executor: Int) { rows[index(of: executor)].ends[place] &+= 1 }

    mutating func add(_ other: AttemptCounts) {
        for row in other.rows { WorkerCounters.add(row.ends, to: &rows[index(of: row.executor)].ends) }
    }

    private mutating func index(of executor: Int) -> Int {
        for index in rows.indices where rows[index].executor == executor { return index }
        rows.append((executor, Array(repeating: 0, count: Ending.places)))
        return rows.count - 1
    }
}

/// Why no connection is accepted for a moment.
package enum AcceptPause: String, CaseIterable, Sendable {
    case connections = "max_connections"
    case memory = "memory_limit"
    /// Descriptors of the process or of the system are used up.
    case descriptors
    /// The system has no memory, or no room to watch another socket.
    case system

    init(_ lack: ConnectionRoom.Lack) {
        self =
            switch lack {
            case .maxConnections: .connections
            case .memory: .memory
            case .descriptors: .descriptors
            }
    }

    init(code: CInt) { self = code == EMFILE || code == ENFILE ? .descriptors : .system }

    var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// How an exchange or an attempt ended, as a place in a table and as labels.
enum Ending {
    private static let kinds = Failure.Kind.allCases
    private static let sides: [Failure.Side] = [.client, .executor, .edge]

    /// Complete, and each kind of failure on each side.
    static let places = 1 + kinds.count * sides.count

    static func place(of end: ExchangeMachine.End) -> Int {
        switch end {
        case .complete: 0
        case .clientLeft: place(of: Failure(.clientLeft))
        case .failed(let failure): place(of: failure)
        }
    }

    static func place(of failure: Failure) -> Int {
        guard let kind = kinds.firstIndex(of: failure.kind), let side = sides.firstIndex(of: failure.side) else {
            preconditionFailure("a failure of no kind")
        }
        return 1 + kind * sides.count + side
    }

    static func labels(at place: Int) -> (end: String, side: String) {
        guard place > 0 else { return ("complete", "") }
        return (kinds[(place - 1) / sides.count].label, sides[(place - 1) % sides.count].rawValue)
    }
}

extension ExchangeMachine.Phase {
    static let labels = ["body", "attempt", "silence", "relay", "finishing", "other"]

    var place: Int {
        switch self {
        case .body: 0
        case .attempt: 1
        case .waiting, .waitingInQueue: 2
        case .relay: 3
        case .finishing: 4
        default: 5
        }
    }
}
