// Tests a request body that waits for memory: its pieces are kept in order and charged, and the time of the wait does
// not count as slowness of the client.
import Inference
import LoopTesting
import Testing
import Transport

@testable import Edge

@Suite struct BodyWaitTests {
    private let budget = MemoryBudget(limit: 64 << 20)
    private let account: MemoryAccount
    private let wait = BodyWait(began: 10 * second)

    init() { account = MemoryAccount(source: budget) }

    private func hold(_ text: String, at now: Nanoseconds) -> Bool {
        wait.hold(Array(text.utf8).span, in: budget, at: now)
    }

    @Test func piecesAreKeptInOrderAndChargedUntilTheyAreReleased() {
        #expect(!wait.isHeld && wait.waited(at: 12 * second) == 0)
        #expect(hold("one ", at: 12 * second) && hold("two", at: 13 * second))
        #expect(String(decoding: wait.pieces, as: UTF8.self) == "one two")
        #expect(wait.isHeld && budget.used == 4096)
        wait.release(to: budget, at: 14 * second)
        #expect(!wait.isHeld && wait.pieces.isEmpty && budget.used == 0)
        wait.release(to: budget, at: 15 * second)
        #expect(wait.waited(at: 20 * second) == 2 * second)
    }

    @Test func allWaitsCountTogether() {
        #expect(hold("a", at: 12 * second))
        wait.release(to: budget, at: 14 * second)
        #expect(hold("b", at: 20 * second))
        #expect(wait.waited(at: 21 * second) == 3 * second)
    }

    /// The time in which the server does not read from a client does not count when the client's pace is measured.
    @Test func waitingIsNotSlowness() {
        #expect(hold("a", at: 12 * second))
        #expect(wait.bytesPerSecond(arrived: 2000, at: 12 * second) == 1000)
        #expect(wait.bytesPerSecond(arrived: 2000, at: 19 * second) == 1000)
        wait.release(to: budget, at: 20 * second)
        #expect(wait.bytesPerSecond(arrived: 2000, at: 22 * second) == 0)
    }

    @Test func aPieceWithoutRoomIsNotKept() {
        #expect(budget.reserve(64 << 20))
        #expect(!hold("one", at: 12 * second))
        #expect(!wait.isHeld && wait.pieces.isEmpty && budget.used == 64 << 20)
    }

    /// If the pieces of a body have one byte each, the buffer must not be copied for each piece.
    @Test func theBufferGrowsBySteps() {
        var capacities: Set<Int> = []
        let piece: [UInt8] = [1]
        var allKept = true
        for _ in 0..<(256 << 10) {
            allKept = wait.hold(piece.span, in: budget, at: 12 * second) && allKept
            capacities.insert(wait.pieces.capacity)
        }
        #expect(allKept && wait.pieces.count == 256 << 10 && capacities.count < 12)
        #expect(budget.used >= 256 << 10 && budget.used <= 257 << 10)
    }

    /// When many bodies wait for memory, the pieces that have already arrived may take a sixteenth of the budget in
    /// total.
    ///
    /// The first bodies may not use up all of it, so that later ones get some.
    @Test func allPiecesTogetherTakeASixteenth() {
        let waits = (0..<100).map { _ in BodyWait(began: 0) }
        let piece = [UInt8](repeating: 1, count: 16 << 10)
        for wait in waits { while wait.pieces.count < 1 << 20, wait.hold(piece.span, in: budget, at: second) {} }
        #expect(budget.used > 3 << 20 && budget.used <= 4 << 20)
        #expect(waits[0].pieces.count > 256 << 10 && waits[5].pieces.count >= 32 << 10)
        for wait in waits { wait.release(to: budget, at: second) }
        #expect(budget.used == 0)
    }

    // MARK: Looking for room

    private static let id = ExchangeID(processStart: 1, number: 1)
    /// Another exchange, whose body has arrived completely, in the queue for memory.
    private static let other = BodyQueue.Asker(
        id: ExchangeID(processStart: 1, number: 2),
        missing: 0,
        lacking: 1,
        bytesPerSecond: 0,
        waited: 0,
        fitsConnection: true
    )

    /// Uses up all memory that the budget allows for request bodies, and returns the accounts that are charged for it.
    ///
    /// Many accounts are needed because each may take only a part.
    private func fill() -> [MemoryAccount] {
        (0..<200).map { _ in
            let other = MemoryAccount(source: budget)
            while other.chargeBody(64 << 10) {}
            return other
        }
    }

    @Test func aBodyThatFindsRoomNeverAsksTheQueue() {
        let queue = Lock(BodyQueue())
        var memory = ExchangeMemory(account: account, budget: budget)
        let body = BodyWait.Body(id: Self.id, arrived: 1 << 20, length: 2 << 20)
        let room = wait.findRoom(for: 1 << 20, of: body, in: &memory, queue: queue, at: 12 * second)
        #expect(room == .found && memory.body == 1 << 20 && !wait.isQueued)
        #expect(queue.withLock { $0.waits } == 0)
    }

    @Test func theTurnMayTakeMoreThanBodiesHave() {
        let others = fill()
        let queue = Lock(BodyQueue())
        var memory = ExchangeMemory(account: account, budget: budget)
        let body = BodyWait.Body(id: Self.id, arrived: 1 << 20, length: 4 << 20)
        #expect(budget.isFullOfBodies && isTrue(!memory.growBody(to: 2 << 20)))
        let first = wait.findRoom(for: 2 << 20, of: body, in: &memory, queue: queue, at: 12 * second)
        #expect(first == .found && wait.isQueued, "it needs the turn for the rest")
        let whole = (4 << 20) + RequestBody.padding
        let last = wait.findRoom(for: whole, of: body, in: &memory, queue: queue, at: 13 * second)
        #expect(last == .found && !wait.isQueued)
        let tooMuch = wait.findRoom(for: 20 << 20, of: body, in: &memory, queue: queue, at: 14 * second)
        #expect(tooMuch == .none(nil), "an eighth of the limit stays free")
        #expect(budget.used <= 56 << 20)
        wait.leave(queue, Self.id)
        #expect(queue.withLock { $0.count } == 0)
        withExtendedLifetime(others) {}
    }

    /// While another body alone may exceed the memory for bodies (it has the turn), a small complete body gets memory.
    ///
    /// A larger body, or one that may not have arrived completely, waits.
    @Test func aSmallBodyThatIsWholeNeedsNoTurn() {
        let others = fill()
        let queue = Lock(BodyQueue())
        #expect(queue.withLock { $0.ask(Self.other, isFull: true, at: 12 * second) } == .finish(nil))
        var memory = ExchangeMemory(account: account, budget: budget)
        func room(_ arrived: Int, of length: Int?) -> BodyWait.Room {
            let body = BodyWait.Body(id: Self.id, arrived: arrived, length: length)
            let footprint = (length ?? arrived) + RequestBody.padding
            return wait.findRoom(for: footprint, of: body, in: &memory, queue: queue, at: 12 * second)
        }
        #expect(room(70_000, of: 70_000) == .none(nil), "it is too large")
        #expect(room(59_000, of: 60_000) == .none(nil), "it is not whole")
        #expect(room(60_000, of: nil) == .none(nil), "nobody knows whether it is whole")
        #expect(wait.isQueued && queue.withLock { $0.count } == 2)
        #expect(room(60_000, of: 60_000) == .found && memory.body == 60_000 + RequestBody.padding)
        #expect(!wait.isQueued && queue.withLock { $0.count } == 1)
        withExtendedLifetime(others) {}
    }

    /// A body that arrives while others wait does not get free memory before them, so it waits too.
    ///
    /// If it cannot be kept while it waits, it gets memory ahead of the others.
    @Test func aBodyThatBeginsGoesBehindThoseThatWait() {
        let others = fill()
        let queue = Lock(BodyQueue())
        let other = BodyWait(began: 0)
        let isHeld = other.hold([1].span, in: budget, at: 10 * second)
        #expect(isHeld)
        for account in others[190...] { account.close() }
        var memory = ExchangeMemory(account: account, budget: budget)
        #expect(budget.isFullOfBodies)
        let body = BodyWait.Body(id: Self.id, arrived: 10_000, length: 100_000)
        #expect(queue.withLock { $0.ask(Self.other, isFull: true, at: 12 * second) } == .finish(nil))
        #expect(wait.findRoom(for: 10_000, of: body, in: &memory, queue: queue, at: 12 * second) == .none(nil))
        #expect(hold("a", at: 12 * second))
        #expect(wait.findRoom(for: 10_000, of: body, in: &memory, queue: queue, at: 12 * second) == .found)
        wait.release(to: budget, at: 12 * second)
        #expect(wait.findRoom(for: 20_000, of: body, in: &memory, queue: queue, at: 12 * second) == .none(nil))
        #expect(wait.takeRoom(for: 20_000, of: body, in: &memory, queue: queue))
        #expect(!wait.isQueued && queue.withLock { $0.count } == 1 && memory.body == 20_000)
        other.release(to: budget, at: 12 * second)
        withExtendedLifetime(others) {}
    }

    /// A connection that has used up its own part of the memory cannot get more although the budget is not full.
    ///
    /// Its body waits without the permission to exceed its share (the turn), and is refused when its wait is over.
    @Test func whoHoldsTooMuchAloneHasNoTurn() {
        let queue = Lock(BodyQueue())
        while account.chargeBody(64 << 10) {}
        var memory = ExchangeMemory(account: account, budget: budget)
        let body = BodyWait.Body(id: Self.id, arrived: 0, length: 2 << 20)
        #expect(!budget.isFullOfBodies)
        #expect(wait.findRoom(for: 2 << 20, of: body, in: &memory, queue: queue, at: 12 * second) == .none(nil))
        #expect(hold("a", at: 12 * second))
        #expect(wait.findRoom(for: 2 << 20, of: body, in: &memory, queue: queue, at: 21 * second) == .none(nil))
        #expect(wait.findRoom(for: 2 << 20, of: body, in: &memory, queue: queue, at: 22 * second) == .refused)
        #expect(!wait.isQueued && queue.withLock { $0.count } == 0)
    }

    @Test func whatCouldNeverFitIsRefusedAtOnce() {
        let queue = Lock(BodyQueue())
        var memory = ExchangeMemory(account: account, budget: budget)
        let body = BodyWait.Body(id: Self.id, arrived: 40 << 20, length: nil)
        #expect(wait.findRoom(for: 40 << 20, of: body, in: &memory, queue: queue, at: 12 * second) == .refused)
        #expect(!wait.isQueued && queue.withLock { $0.waits } == 0)
    }
}
