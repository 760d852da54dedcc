// The state of a request body that waits for memory: the pieces that have arrived during the wait, and how long the
// body has waited.
internal import Inference
internal import Transport

/// How long one request body has waited for memory, and how fast it arrives.
///
/// An exchange makes a `BodyWait` when there is too little memory for its body. It also makes one when the edge looks
/// for slow bodies to refuse, so that other bodies get memory: the `BodyWait` tells how fast the body arrives. Confined
/// to the worker of the exchange.
final class BodyWait {
    /// How long a body waits before it asks for memory again, in nanoseconds.
    static let interval: Nanoseconds = 100_000_000
    /// How many bytes a client can usually send while its body waits: the flow-control window of an HTTP/2 stream.
    private static let piecesMax = 256 << 10

    /// The bytes of the body that have arrived since it began to wait for memory, in the order of their arrival.
    ///
    /// All pieces together are at most one flow-control window of bytes. The edge does not open the window again for
    /// the bytes that are kept here, so the client may send no more.
    private(set) var pieces: [UInt8] = []
    /// How many bytes of the memory budget are charged for `pieces`.
    private var charged = 0
    private var pace: BodyPace
    /// When the body began to wait for memory; nil while it does not wait.
    private var heldSince: Nanoseconds?
    /// How long the body waited for memory in its earlier waits together, in nanoseconds.
    private var heldBefore: Nanoseconds = 0
    /// Whether the last byte of the body arrived while the body waited for memory.
    var isWhole = false
    /// Whether the body is in the `BodyQueue`, the process's list of bodies that wait for memory.
    ///
    /// If so, the body must be removed from the queue when it has arrived completely, or when its exchange ends.
    private(set) var isQueued = false

    /// - Parameter began: when the request began.
    init(began: Nanoseconds) { pace = BodyPace(began: began) }

    /// Whether the body now waits for memory; meanwhile, the bytes that arrive are kept in `pieces`.
    var isHeld: Bool { heldSince != nil }

    /// How long the body has waited for memory in all, in nanoseconds.
    func waited(at now: Nanoseconds) -> Nanoseconds { heldBefore + (heldSince.map { now - min(now, $0) } ?? 0) }

    /// How fast the body has arrived, in bytes a second, not counting the time in which it waited for memory.
    ///
    /// - Parameter arrived: how many bytes of the body have arrived so far.
    func bytesPerSecond(arrived: Int, at now: Nanoseconds) -> Int {
        pace.bytesPerSecond(arrived: arrived, at: now - waited(at: now))
    }

    /// Whether the pace has been measured over at least a second.
    var isPaceMeasured: Bool { pace.isMeasured }

    /// Makes the body wait for memory, and adds `bytes`, the part that has just arrived, to `pieces`.
    ///
    /// If there is no memory even for `bytes`, does nothing and returns false.
    func hold(_ bytes: Span<UInt8>, in budget: MemoryBudget, at now: Nanoseconds) -> Bool {
        let needed = pieces.count + bytes.count
        if needed > charged {
            let capacity = max(needed, min(charged * 2, Self.piecesMax), 4096)
            guard budget.holdBack(capacity - charged, beyond: charged) else { return false }
            charged = capacity
            pieces.reserveCapacity(capacity)
        }
        pieces.append(bytes)
        if heldSince == nil { heldSince = now }
        return true
    }

    /// Ends the body's wait for memory, and drops the pieces that were kept meanwhile.
    ///
    /// If the body has got its memory, the caller has already appended the pieces to the body. The memory of the pieces
    /// is no longer charged.
    func release(to budget: MemoryBudget, at now: Nanoseconds) {
        heldBefore = waited(at: now)
        heldSince = nil
        pieces = []
        budget.releaseHeldBack(charged)
        charged = 0
    }

    // MARK: Asking for memory

    /// The facts about a body on which the decision about its memory depends.
    struct Body {
        let id: ExchangeID
        /// How many bytes of the body have arrived, including those that are kept while it waits for memory.
        var arrived: Int
        /// The length of the whole body in bytes, as `content-length` announces it; nil if the request announces none.
        var length: Int?
    }

    /// Whether memory for the next bytes of a body was charged, and what follows if not; the result of `findRoom`.
    enum Room: Equatable {
        /// The memory was free, and is charged now.
        case found
        /// Too little memory is free now.
        ///
        /// The `SlowBodies`, if any, tell every worker which slowly arriving bodies to refuse, so that memory is freed.
        case none(SlowBodies?)
        /// The body has waited for too long, or needs more memory than any body may have.
        case refused
    }

    /// Charges the memory for the next bytes of a body, if the budget and the queue of waiting bodies allow it.
    ///
    /// If other bodies already wait and memory for bodies is nearly used up, a body that did not wait before must wait
    /// too.
    ///
    /// - Parameter footprint: the size of the body's buffer with the next bytes.
    func findRoom(
        for footprint: Int,
        of body: Body,
        in memory: inout ExchangeMemory,
        queue: Lock<BodyQueue>,
        at now: Nanoseconds
    ) -> Room {
        if memory.growBody(to: footprint, for: isHeld ? .waitingBody : .bodies) {
            foundRoom(for: footprint, of: body, queue: queue)
            return .found
        }
        guard memory.mayEverHold(body: footprint) else { return .refused }
        let missing = isWhole ? 0 : body.length.map { max(0, $0 - body.arrived) }
        if missing == 0, memory.growWholeBody(to: footprint) {
            foundRoom(for: footprint, of: body, queue: queue)
            return .found
        }
        let asker = BodyQueue.Asker(
            id: body.id,
            missing: missing,
            lacking: footprint - memory.body,
            bytesPerSecond: bytesPerSecond(arrived: body.arrived, at: now),
            waited: waited(at: now),
            fitsConnection: memory.mayHold(body: footprint)
        )
        let isFull = memory.isFullOfBodies
        isQueued = true
        switch queue.withLock({ $0.ask(asker, isFull: isFull, at: now) }) {
        case .refuse:
            isQueued = false
            return .refused
        case .wait(let slow): return .none(slow)
        case .finish(let slow):
            guard memory.growBody(to: footprint, for: .lastBody) else {
                queue.withLock { $0.turnDidNotHelp(body.id) }
                return .none(slow)
            }
        }
        foundRoom(for: footprint, of: body, queue: queue)
        return .found
    }

    /// Charges free memory for a body, although other bodies wait for memory; if too little is free, returns false.
    ///
    /// The function is used if the body cannot wait, because there is no memory to keep the bytes that arrive during
    /// the wait.
    func takeRoom(
        for footprint: Int,
        of body: Body,
        in memory: inout ExchangeMemory,
        queue: Lock<BodyQueue>
    ) -> Bool {
        guard memory.growBody(to: footprint, for: .waitingBody) else { return false }
        foundRoom(for: footprint, of: body, queue: queue)
        return true
    }

    private func foundRoom(for footprint: Int, of body: Body, queue: Lock<BodyQueue>) {
        guard isQueued else { return }
        let isLast = body.length.map { footprint >= $0 + RequestBody.padding } ?? false
        isQueued = queue.withLock { $0.foundRoom(body.id, isLast: isLast) }
    }

    /// Removes the body from the queue for memory, because it has arrived completely or its exchange has ended.
    func leave(_ queue: Lock<BodyQueue>, _ id: ExchangeID) {
        guard isQueued else { return }
        isQueued = false
        queue.withLock { $0.leave(id) }
    }
}
