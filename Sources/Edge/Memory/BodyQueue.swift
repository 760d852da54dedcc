// Decides which request bodies get memory, which wait and which are refused while memory is too short for all of them.
internal import Transport

/// The request bodies, of all workers, that wait for memory, and the rules that decide which of them get it.
///
/// An exchange calls `ask` when the budget has refused memory for the next bytes of the exchange's body. It calls `ask`
/// again every 100 ms while the body waits. The rules are:
///
/// - While bodies have used up their part of the budget, one waiting body at a time has the turn: it may take memory
///   beyond that part (`MemoryUse.lastBody`). The turn goes to the body that still needs the fewest bytes. A body keeps
///   the turn until memory for all of its bytes is charged, it ends, it gets no memory although it has the turn, or its
///   exchange has not called `ask` for `turnMax`. Without the turn, bodies could wait for each other's memory, and none
///   would finish.
/// - A small body that has arrived whole may take memory beyond that part without the turn
///   (`ExchangeMemory.growWholeBody`). It needs this queue only if other small bodies have used up that memory.
/// - If a body waits longer than `pressAfter`, the slowest bodies are refused. Only bodies that are less than half as
///   fast as the fastest waiting body are refused (`SlowBodies`).
/// - A body that has waited `waitMax` is refused. If there is no memory to hold the bytes of a body that has to wait,
///   the body of the same worker that has waited longest is refused earlier (`ExchangeEnvironment.refuseLongestWait`).
///
/// The queue is a value, which reads no clock. Workers share the queue by a lock, which they take only for a body that
/// waits or lacks memory.
struct BodyQueue: Sendable {
    /// The longest time that a body may wait, in all its waits together, in nanoseconds.
    static let waitMax: Nanoseconds = 10_000_000_000
    /// How long a body waits for memory before slow bodies are refused to free memory for it, in nanoseconds.
    static let pressAfter: Nanoseconds = 1_000_000_000
    /// The shortest time between two decisions to refuse slow bodies, in nanoseconds.
    static let pressInterval: Nanoseconds = 250_000_000
    /// For how long, in nanoseconds, a body may exceed the part of the budget for bodies, unless its exchange calls
    /// `ask` again.
    ///
    /// One body at a time has this permission, which is called the turn.
    static let turnMax: Nanoseconds = 1_000_000_000

    /// A request body whose exchange asks the queue for memory, because the memory budget has refused more memory.
    struct Asker: Equatable, Sendable {
        let id: ExchangeID
        /// How many bytes the client still has to send; nil if the client has not announced the length.
        var missing: Int?
        /// How many bytes of memory the body's buffer has to grow by, to take the next bytes.
        var lacking: Int
        /// How fast the body has arrived, in bytes a second, not counting the time in which it waited for memory.
        var bytesPerSecond: Int
        /// How long the body has waited in all its waits together, in nanoseconds.
        var waited: Nanoseconds
        /// Whether the limit on all bodies of one connection allows the body's buffer to grow by `lacking`.
        ///
        /// If it does not, the turn (permission to exceed the part of the budget for bodies) would not help the body.
        var fitsConnection: Bool
    }

    private struct Waiting {
        var asker: Asker
        /// Until this time, the body does not get permission again to exceed the part of the budget for bodies.
        ///
        /// This permission is called the turn. The time is set when the body gets no memory although it has the turn;
        /// it is 0 before that.
        var turnFrom: Nanoseconds = 0
    }

    enum Answer: Equatable, Sendable {
        /// The body has the turn, so it may exceed the part of the budget for bodies.
        ///
        /// The `SlowBodies`, if any, say which slow bodies the workers must refuse.
        case finish(SlowBodies?)
        /// The body waits, and its exchange asks again later.
        ///
        /// The `SlowBodies`, if any, say which slow bodies the workers must refuse.
        case wait(SlowBodies?)
        /// The body has waited for too long, and has left the queue.
        case refuse
    }

    private var waiting: [ExchangeID: Waiting] = [:]
    /// The waiting body that is the next to get permission to exceed the part of the budget for bodies (the turn).
    ///
    /// The body that still needs the fewest bytes is chosen. Bodies that the permission cannot help, or did not help a
    /// short time ago, are left out.
    private var nearest: ExchangeID?
    /// The time of the latest call of `ask`.
    private var lastAsked: Nanoseconds = 0
    /// The body that has the turn, and when the turn ends unless the body's exchange calls `ask` again.
    ///
    /// The turn is permission to exceed the part of the budget for bodies.
    private var turn: (id: ExchangeID, ends: Nanoseconds)?
    private var nextPress: Nanoseconds = 0

    /// How often a body has begun to wait for memory.
    private(set) var waits: UInt64 = 0
    /// How many bodies were refused because they had waited for `waitMax`, or because they had waited the longest and
    /// their memory was needed for another body.
    private(set) var refusedAfterWait: UInt64 = 0
    /// How many bodies were refused because they were slow while others waited.
    private(set) var refusedAsSlow: UInt64 = 0

    /// How many bodies wait.
    var count: Int { waiting.count }

    /// Decides whether a body that lacks memory waits, is refused, or may exceed the part of the budget for bodies.
    ///
    /// Permission to exceed that part is called the turn. The answer may also tell the caller to have slow bodies
    /// refused on all workers.
    ///
    /// - Parameter isFull: whether bodies have used up most of their part of the budget, or little of the budget is
    ///   free. If not, the body got no memory because its own connection holds too much. To refuse other bodies would
    ///   then not help.
    mutating func ask(_ body: Asker, isFull: Bool, at now: Nanoseconds) -> Answer {
        if body.waited >= Self.waitMax {
            leave(body.id)
            refusedAfterWait &+= 1
            return .refuse
        }
        lastAsked = now
        insert(body)
        guard isFull, body.fitsConnection else {
            if turn?.id == body.id { turn = nil }
            return .wait(nil)
        }
        if let turn, turn.id != body.id, now < turn.ends { return .wait(press(for: body, at: now)) }
        guard turn?.id == body.id || nearest == body.id else { return .wait(press(for: body, at: now)) }
        turn = (body.id, now + Self.turnMax)
        return .finish(press(for: body, at: now))
    }

    /// Takes the turn from a body that got no memory although it had the turn.
    ///
    /// The turn is permission to exceed the part of the budget for bodies. Another body may get it next.
    mutating func turnDidNotHelp(_ id: ExchangeID) {
        guard turn?.id == id else { return }
        turn = nil
        waiting[id]?.turnFrom = lastAsked + Self.turnMax
        if nearest == id { findNearest() }
    }

    /// Records that memory for the next bytes of a body has been charged, so that the body waits no longer.
    ///
    /// - Parameter isLast: whether memory for all bytes of the body is charged, so that its turn is over.
    /// - Returns: whether the body keeps the turn, its permission to exceed the part of the budget for bodies.
    mutating func foundRoom(_ id: ExchangeID, isLast: Bool) -> Bool {
        remove(id)
        guard turn?.id == id else { return false }
        if isLast { turn = nil }
        return !isLast
    }

    /// Forgets a body that has arrived completely, or whose exchange has ended.
    mutating func leave(_ id: ExchangeID) {
        remove(id)
        if turn?.id == id { turn = nil }
    }

    /// Counts a body that was refused because it had waited the longest and its memory was needed for another body.
    mutating func refusedLongest() { refusedAfterWait &+= 1 }

    /// Counts bodies that were refused because they were slow.
    mutating func refusedSlow(_ count: Int) { refusedAsSlow &+= UInt64(count) }

    // MARK: The bodies that wait

    private mutating func insert(_ body: Asker) {
        var entry = Waiting(asker: body)
        if let known = waiting[body.id] { entry.turnFrom = known.turnFrom } else { waits &+= 1 }
        waiting[body.id] = entry
        guard canHaveTurn(entry) else {
            if nearest == body.id { findNearest() }
            return
        }
        guard let nearest, nearest != body.id, let other = waiting[nearest] else {
            nearest = body.id
            return
        }
        if Self.isNearer(entry, than: other) { self.nearest = body.id }
    }

    private mutating func remove(_ id: ExchangeID) {
        guard waiting.removeValue(forKey: id) != nil, nearest == id else { return }
        findNearest()
    }

    private mutating func findNearest() {
        nearest = waiting.values.filter(canHaveTurn).min(by: Self.isNearer)?.asker.id
    }

    private func canHaveTurn(_ entry: Waiting) -> Bool { entry.asker.fitsConnection && lastAsked >= entry.turnFrom }

    /// Whether the body `one` still needs fewer bytes than the body `other`.
    ///
    /// A body without an announced length comes last. Of two bodies that need equally many bytes, the older one comes
    /// first.
    private static func isNearer(_ one: Waiting, than other: Waiting) -> Bool {
        (one.asker.missing ?? .max, one.asker.id.number) < (other.asker.missing ?? .max, other.asker.id.number)
    }

    /// Tells which slow bodies the workers must refuse, so that `body` gets memory.
    ///
    /// - Returns: nil if `body` has not waited long enough for that, or if slow bodies were refused less than
    ///   `pressInterval` ago.
    private mutating func press(for body: Asker, at now: Nanoseconds) -> SlowBodies? {
        guard body.waited >= Self.pressAfter, now >= nextPress else { return nil }
        nextPress = now + Self.pressInterval
        let fastest = waiting.values.lazy.map(\.asker).max { $0.bytesPerSecond < $1.bytesPerSecond }
        guard let fastest else { return nil }
        return SlowBodies(pace: fastest.bytesPerSecond / 2, bytes: fastest.lacking)
    }
}
