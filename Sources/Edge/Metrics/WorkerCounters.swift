// The counters of one worker; the control thread asks the worker for a copy.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// What one worker has counted since it started.
///
/// The worker changes its own value without locks, and the control thread adds up copies of the workers' values.
/// Counters never decrease, except `phases`, `queued` and `handshakesWaiting`, which describe the moment of the copy.
package struct WorkerCounters: Sendable {
    /// The counters of one model, or of the requests that named no known model.
    package struct OfModel: Sendable {
        /// The number of exchanges that have ended, by how they ended (`Ending.index`).
        var ends: [UInt64] = Array(repeating: 0, count: Ending.count)
        /// The number of exchanges that have ended, by status.
        ///
        /// For an exchange that failed after a status below 400 was sent, the key is the status of the failure. For all
        /// others the key is the status in the response's head, or 499 if the client left before it got a status.
        var statuses: [Int: UInt64] = [:]
        /// The number of tokens in exchanges that have ended, by kind.
        var tokens: [TokenKind: UInt64] = [:]
        /// The time from a request's head to the first token of its stream, in nanoseconds.
        var firstToken = Histogram(bounds: Buckets.firstToken)
        /// The time from one token of a stream to the next, in nanoseconds.
        var gap = Histogram(bounds: Buckets.gap)
        /// For each complete stream, the mean time per token after the first token, in nanoseconds.
        var timePerToken = Histogram(bounds: Buckets.firstToken)
        /// The time from a request's head to the end of its exchange, in nanoseconds.
        var duration = Histogram(bounds: Buckets.duration)
        /// How long exchanges waited for an executor, in nanoseconds; only exchanges that had to wait.
        var queueWait = Histogram(bounds: Buckets.queueWait)
        /// The number of tokens in the prompt of each exchange whose executor has reported this number.
        var input = Histogram(bounds: Buckets.tokens)
        /// The number of tokens in the response of each exchange.
        ///
        /// The number is recorded if the executor has reported it or the response was a stream, whose token events are
        /// counted.
        var output = Histogram(bounds: Buckets.tokens)
        /// The number of attempts that have ended, by executor and by how they ended.
        var attempts = AttemptCounts()
        /// The number of attempts whose request was sent without its billing header.
        ///
        /// The billing header is a text that coding agents put at the beginning of the system prompt.
        var billingBlocksStripped: UInt64 = 0
        /// The tokens of those prompts for which executors have reported token counts, and how many of these tokens
        /// were cached.
        var prefixTokens = PrefixTokens()
        /// The number of attempts, by the reason why the pool chose their executor.
        ///
        /// If a pool does not choose by cached prompts, only its attempts with the reason `response` are counted.
        var placements: [PlacementReason: UInt64] = [:]
        /// The number of exchanges that waited for an executor when the worker made this copy of its counters.
        var queued = 0
    }

    /// The tokens of those prompts for which executors have reported token counts.
    struct PrefixTokens: Equatable, Sendable {
        /// All tokens of these prompts.
        var prompt: UInt64 = 0
        /// The tokens that pools expected to be in an executor's cache; only pools that choose executors by prompt
        /// expect any.
        var believed: UInt64 = 0
        /// The tokens that executors have reported as cached.
        var cached: UInt64 = 0
    }

    /// The kinds of tokens that are counted separately: of the prompt or of the response, estimated or not.
    struct TokenKind: Hashable, Sendable {
        var isInput: Bool
        var isEstimated: Bool
    }

    /// The counters of each model, by the id of the model's entry in the registry.
    ///
    /// Requests that named no known model are counted under `noModel`.
    var models: [Int: OfModel] = [:]
    /// The key in `models` for requests that named no known model; no model's entry has this id.
    package static let noModel = 0
    /// The number of tokens that executors sent but that did not reach the client, by the tenant's index in
    /// `TenantLabels`.
    var wastedTokens: [UInt64] = []
    /// The number of connections on which the client spoke a protocol that the listener does not serve, by protocol.
    var otherProtocols: [OtherProtocol: UInt64] = [:]
    /// The number of connections and requests that were refused, by the reason.
    ///
    /// The reason is a rule about the client's address, or a PROXY header that is missing or wrong.
    var clientsRefused: [ClientRefusal: UInt64] = [:]
    /// The number of requests, by how the client's address was found, such as from a header field.
    var clientSources = [UInt64](repeating: 0, count: ClientAddressSource.allCases.count)
    /// The number of requests that clients cancelled after an executor had got them and before the answer began.
    var prefillResets: UInt64 = 0
    /// Bytes of request bodies.
    var bytesIn: UInt64 = 0
    /// Bytes of response bodies.
    var bytesOut: UInt64 = 0
    /// The time from the end of a request to its hand-over to an executor's connection, in nanoseconds.
    ///
    /// Only the first attempt of an exchange counts. The time for which the exchange waited for an executor is not
    /// included.
    var requestOverhead = Histogram(bounds: Buckets.overhead)
    /// The time from the first event of a response to its hand-over to the client's connection, in nanoseconds.
    var answerOverhead = Histogram(bounds: Buckets.overhead)
    /// The time that the worker takes to end the attempt of a client that has left, in nanoseconds.
    ///
    /// The time is measured from the start of the event loop's turn in which the worker notices that the client has
    /// left, until the loop has written the output of this turn, and with it the cancellation, to the sockets.
    var abortToExecutor = Histogram(bounds: Buckets.overhead)
    /// Connections of clients that this worker has accepted.
    var accepted: UInt64 = 0
    /// How often the worker paused accepting connections, by the reason (`AcceptPause.index`).
    var acceptPauses = [UInt64](repeating: 0, count: AcceptPause.allCases.count)
    /// The number of clients' TLS handshakes that failed, by the reason (`HandshakeFailure.index`).
    var handshakeFailures = [UInt64](repeating: 0, count: HandshakeFailure.allCases.count)
    /// The number of refusals because of `limits.per_address`, by the limit (`AddressLimit.index`).
    var addressRefusals = [UInt64](repeating: 0, count: AddressLimit.allCases.count)
    /// The number of clients' TLS handshakes that were held back before their first step, so that requests under way
    /// were not delayed (`HandshakeGate`).
    var handshakesHeld: UInt64 = 0
    /// The number of TLS handshakes that waited when the worker made this copy of its counters.
    var handshakesWaiting = 0
    /// The number of exchanges under way when the worker made this copy, by `ExchangeMachine.Phase.index`.
    var phases: [Int] = Array(repeating: 0, count: ExchangeMachine.Phase.labels.count)

    /// Counters of a worker that has just started: all 0.
    package init() {}

    /// Adds the counters of another worker.
    mutating func add(_ other: WorkerCounters) {
        for (id, row) in other.models { models[id, default: OfModel()].add(row) }
        Self.add(other.wastedTokens, to: &wastedTokens)
        for (what, count) in other.otherProtocols { otherProtocols[what, default: 0] &+= count }
        for (why, count) in other.clientsRefused { clientsRefused[why, default: 0] &+= count }
        Self.add(other.clientSources, to: &clientSources)
        prefillResets &+= other.prefillResets
        bytesIn &+= other.bytesIn
        bytesOut &+= other.bytesOut
        requestOverhead.add(other.requestOverhead)
        answerOverhead.add(other.answerOverhead)
        abortToExecutor.add(other.abortToExecutor)
        accepted &+= other.accepted
        Self.add(other.acceptPauses, to: &acceptPauses)
        Self.add(other.handshakeFailures, to: &handshakeFailures)
        Self.add(other.addressRefusals, to: &addressRefusals)
        handshakesHeld &+= other.handshakesHeld
        handshakesWaiting += other.handshakesWaiting
        for index in phases.indices { phases[index] += other.phases[index] }
    }

    static func add(_ other: [UInt64], to counts: inout [UInt64]) {
        while counts.count < other.count { counts.append(0) }
        for index in other.indices { counts[index] &+= other[index] }
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
        billingBlocksStripped &+= other.billingBlocksStripped
        prefixTokens.prompt &+= other.prefixTokens.prompt
        prefixTokens.believed &+= other.prefixTokens.believed
        prefixTokens.cached &+= other.prefixTokens.cached
        for (reason, count) in other.placements { placements[reason, default: 0] &+= count }
        queued += other.queued
    }
}

extension ExchangeMachine.Phase {
    /// The values of the label `phase` in the metrics, by `index`.
    static let labels = ["body", "attempt", "silence", "relay", "finishing", "other"]

    /// The index of the phase in `WorkerCounters.phases`.
    var index: Int {
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
