// Which request bodies wait for memory, which one may exceed the budget's part for bodies (it has the turn), and which
// are refused. The last test simulates many clients.
import Inference
import LoopTesting
import Testing
import Transport

@testable import Edge

/// Holds a `BodyQueue`, because `#expect` cannot call a mutating function.
private final class Queue {
    private(set) var queue = BodyQueue()

    static func id(_ number: Int) -> ExchangeID { ExchangeID(processStart: 1, number: number) }

    func ask(
        _ number: Int,
        missing: Int?,
        waited: Nanoseconds = 0,
        pace: Int = 1000,
        isFull: Bool = true,
        fits: Bool = true,
        at now: Nanoseconds = 0
    ) -> BodyQueue.Answer {
        let body = BodyQueue.Asker(
            id: Self.id(number),
            missing: missing,
            lacking: 100 * number,
            bytesPerSecond: pace,
            waited: waited,
            fitsConnection: fits
        )
        return queue.ask(body, isFull: isFull, at: now)
    }
    func foundRoom(_ number: Int, isLast: Bool) -> Bool { queue.foundRoom(Self.id(number), isLast: isLast) }
    func leave(_ number: Int) { queue.leave(Self.id(number)) }
    func turnDidNotHelp(_ number: Int) { queue.turnDidNotHelp(Self.id(number)) }
}

@Suite struct BodyQueueTests {
    private let queue = Queue()

    // MARK: The turn

    @Test func whoAsksAloneHasTheTurn() {
        #expect(queue.ask(1, missing: 500) == .finish(nil))
        #expect(queue.ask(1, missing: 400) == .finish(nil))
        #expect(!queue.foundRoom(1, isLast: true) && queue.queue.count == 0)
        #expect(queue.ask(2, missing: 500) == .finish(nil), "it needs the turn no longer")
    }

    @Test func onlyOneHasTheTurn() {
        #expect(queue.ask(1, missing: 500) == .finish(nil))
        #expect(queue.ask(2, missing: 5) == .wait(nil))
        #expect(queue.foundRoom(1, isLast: false))
        #expect(queue.ask(2, missing: 5, at: second - 1) == .wait(nil))
        #expect(queue.queue.count == 1)
        queue.leave(1)
        #expect(queue.ask(2, missing: 5, at: second - 1) == .finish(nil))
    }

    @Test func theNearestToItsEndIsNext() {
        #expect(queue.ask(9, missing: 1) == .finish(nil))
        for (number, missing) in [(1, nil), (2, 700), (3, 300), (4, 300), (5, 900)] as [(Int, Int?)] {
            #expect(queue.ask(number, missing: missing) == .wait(nil))
        }
        queue.leave(9)
        #expect(queue.ask(2, missing: 700) == .wait(nil) && queue.ask(4, missing: 300) == .wait(nil))
        #expect(queue.ask(3, missing: 300) == .finish(nil))
        queue.leave(3)
        #expect(queue.ask(5, missing: 200) == .finish(nil), "what came while it waited counts")
        queue.leave(5)
        #expect(queue.ask(4, missing: 300) == .finish(nil))
        queue.leave(4)
        queue.leave(2)
        #expect(queue.ask(1, missing: nil) == .finish(nil), "a body of unknown length comes last, but it comes")
    }

    @Test func whoAsksForNothingLosesTheTurn() {
        #expect(queue.ask(1, missing: 5) == .finish(nil) && queue.foundRoom(1, isLast: false))
        #expect(queue.ask(2, missing: 500, at: second - 1) == .wait(nil))
        #expect(queue.ask(2, missing: 500, at: second) == .finish(nil))
        #expect(queue.ask(1, missing: 5, at: second) == .wait(nil))
    }

    /// If a body's connection holds all the memory that one connection may, the body does not get the queue's turn.
    ///
    /// The turn lets one body exceed the budget's part for bodies, which would not help this body.
    @Test func whoCannotUseTheTurnDoesNotHaveIt() {
        #expect(queue.ask(1, missing: 5, fits: false) == .wait(nil))
        #expect(queue.ask(2, missing: 500) == .finish(nil))
        #expect(queue.ask(2, missing: 500, fits: false) == .wait(nil), "its connection has taken more meanwhile")
        #expect(queue.ask(3, missing: 700) == .finish(nil))
        queue.leave(3)
        #expect(queue.ask(1, missing: 5) == .finish(nil), "its connection has given back")
    }

    @Test func aTurnThatDidNotHelpGoesToAnother() {
        #expect(queue.ask(1, missing: 5) == .finish(nil))
        #expect(queue.ask(2, missing: 500) == .wait(nil))
        queue.turnDidNotHelp(1)
        #expect(queue.ask(1, missing: 5, at: 1) == .wait(nil))
        #expect(queue.ask(2, missing: 500, at: 1) == .finish(nil))
        queue.leave(2)
        #expect(queue.ask(1, missing: 5, at: second - 1) == .wait(nil))
        #expect(queue.ask(1, missing: 5, at: second) == .finish(nil))
    }

    /// If only the body's own connection holds too much, and the budget is not full, the body waits.
    ///
    /// No slow bodies are refused for it, and it may not exceed its share.
    @Test func withoutAFullBudgetThereIsNoTurn() {
        #expect(queue.ask(1, missing: 5, waited: 5 * second, isFull: false, at: 9 * second) == .wait(nil))
        #expect(queue.ask(1, missing: 5, isFull: true) == .finish(nil))
        #expect(queue.ask(1, missing: 5, isFull: false) == .wait(nil))
        #expect(queue.ask(2, missing: 1) == .finish(nil))
    }

    // MARK: Refusals

    @Test func whoHasWaitedTooLongIsRefusedAndForgotten() {
        #expect(queue.ask(1, missing: 5) == .finish(nil))
        #expect(queue.ask(2, missing: 9) == .wait(nil))
        #expect(queue.ask(1, missing: 5, waited: BodyQueue.waitMax) == .refuse, "also with the turn")
        #expect(queue.queue.count == 1 && queue.queue.refusedAfterWait == 1)
        #expect(queue.ask(2, missing: 9) == .finish(nil))
    }

    @Test func slowBodiesAreRefusedForTheFastestThatWaits() {
        let later = BodyQueue.pressAfter
        #expect(queue.ask(1, missing: 5, pace: 300) == .finish(nil))
        #expect(queue.ask(2, missing: 9, pace: 5000, at: 0) == .wait(nil))
        #expect(queue.ask(3, missing: 9, waited: later - 1, pace: 100, at: 10) == .wait(nil))
        #expect(queue.ask(3, missing: 9, waited: later, pace: 100, at: 10) == .wait(SlowBodies(pace: 2500, bytes: 200)))
        let next = 10 + BodyQueue.pressInterval
        #expect(queue.ask(2, missing: 9, waited: later, pace: 5000, at: next - 1) == .wait(nil))
        #expect(
            queue.ask(1, missing: 5, waited: later, pace: 300, at: next) == .finish(SlowBodies(pace: 2500, bytes: 200))
        )
    }

    // MARK: Many clients

    /// Many clients send random bodies against a small memory budget.
    ///
    /// Only one body at a time may exceed the budget's part for bodies. Every body whose client goes on sending is
    /// complete or refused soon after its last piece.
    @Test(arguments: UInt64(1)...12)
    func everyBodyThatComesEndsOrIsRefused(_ seed: UInt64) {
        let crowd = Crowd(seed: seed)
        for _ in 0..<2400 { crowd.step() }
        #expect(crowd.faults.isEmpty, "\(crowd.faults.prefix(5))")
        #expect(crowd.bodies.isEmpty && crowd.budget.used == 0)
        #expect(crowd.queue.withLock { $0.count } == 0)
        #expect(crowd.whole > 20 && crowd.whole + crowd.refused + crowd.late == crowd.begun)
        let waits = crowd.queue.withLock { $0.waits }
        #expect(waits > 20, "the budget was too large for this test")
    }
}

/// Many clients that send bodies to one budget; a step takes 50 ms.
private final class Crowd {
    final class Client {
        let id: ExchangeID
        let account: MemoryAccount
        let size: Int
        let isAnnounced: Bool
        /// After how many bytes the client falls silent; its size if it sends all.
        let stopsAt: Int
        let bytesPerStep: Int
        var memory: ExchangeMemory
        let body: RequestBody
        let wait: BodyWait
        var arrived = 0
        var lastPiece: Nanoseconds
        var isOver = false
        /// When the executor begins to answer, so that the body is freed; nil before the whole body has arrived.
        var answered: Nanoseconds?

        init(_ crowd: Crowd, account: MemoryAccount) {
            crowd.begun += 1
            id = ExchangeID(processStart: 1, number: crowd.begun)
            self.account = account
            size = Int.random(in: 10_000...1_200_000, using: &crowd.random)
            isAnnounced = Int.random(in: 0..<4, using: &crowd.random) > 0
            let isHalf = Int.random(in: 0..<3, using: &crowd.random) == 0
            stopsAt = isHalf ? Int.random(in: 5000...size, using: &crowd.random) : size
            bytesPerStep = Int.random(in: 2000...100_000, using: &crowd.random)
            memory = ExchangeMemory(account: account, budget: crowd.budget)
            body = RequestBody(expecting: isAnnounced ? size : 0)
            wait = BodyWait(began: crowd.now)
            lastPiece = crowd.now
        }
    }

    let budget = MemoryBudget(limit: 8 << 20)
    let queue = Lock(BodyQueue())
    var random: SplitMix
    private(set) var now = 1000 * second
    private(set) var bodies: [Client] = []
    /// One description for each rule that the simulated crowd saw broken; empty if the queue kept all rules.
    private(set) var faults: [String] = []
    var begun = 0
    private(set) var whole = 0, refused = 0, late = 0
    private var steps = 0
    private var accounts: [MemoryAccount] = []
    private var turn: (client: Client, asked: Nanoseconds)?

    init(seed: UInt64) { random = SplitMix(state: seed) }

    func step() {
        steps += 1
        now += 50_000_000
        for _ in 0..<Int.random(in: 0...2, using: &random) where steps < 800 { begin() }
        for client in bodies.shuffled(using: &random) where !client.isOver { turn(of: client) }
        if budget.used > budget.limit { faults.append("\(budget.used) bytes are charged") }
        if bodyBytes > budget.limit / 8 * 7 { faults.append("bodies take \(bodyBytes) bytes") }
        for account in accounts where account.bodies > budget.bodyMax { faults.append("one holds \(account.bodies)") }
    }

    /// The memory of all bodies together.
    private var bodyBytes: Int { accounts.reduce(0) { $0 + $1.bodies } }

    /// A new request body begins, on a new connection or on one that carries other bodies already.
    private func begin() {
        let shares = !accounts.isEmpty && Int.random(in: 0..<3, using: &random) == 0
        let account = shares ? accounts.randomElement(using: &random)! : MemoryAccount(source: budget)
        if !shares { accounts.append(account) }
        let client = Client(self, account: account)
        if client.memory.growBody(to: client.body.footprint) { bodies.append(client) } else { refused += 1 }
    }

    private func turn(of client: Client) {
        if let answered = client.answered {
            if answered <= now { end(client) }
            return
        }
        let wasHeld = client.wait.isHeld
        if client.arrived < client.stopsAt { send(client) }
        // As in the server, a body that waits for memory asks the queue again every 100 ms, that is every second step.
        if wasHeld, client.wait.isHeld, steps % 2 == 0 { askAgain(client) }
        guard client.answered == nil, !client.wait.isHeld, !client.isOver else { return }
        if now - client.lastPiece > 30 * second {
            late += 1
            end(client)
        } else if client.stopsAt == client.size, client.arrived == client.size {
            whole += 1
            client.wait.leave(queue, client.id)
            client.answered = now + Nanoseconds.random(in: 0...(2 * second), using: &random)
        }
    }

    private func send(_ client: Client) {
        let bytes = min(client.bytesPerStep, client.stopsAt - client.arrived, 64 << 10)
        // While a body waits, the edge sends no WINDOW_UPDATE, so the client can send at most one window of 256 KiB.
        guard client.wait.pieces.count + bytes <= 256 << 10 else { return }
        let piece = [UInt8](repeating: 1, count: bytes)
        client.arrived += bytes
        client.lastPiece = now
        if !client.wait.isHeld, findsRoom(client, for: bytes) {
            client.body.append(piece.span)
        } else {
            while !client.isOver, !client.wait.hold(piece.span, in: budget, at: now) {
                if !client.wait.isHeld, takesRoom(client, for: bytes) {
                    client.body.append(piece.span)
                    return
                }
                // There is no memory even to hold the received bytes, so a body is refused, as in the server: the one
                // that has waited longest, or this one if none has waited for `pressAfter`.
                let waiting = bodies.filter { $0 !== client && $0.wait.isHeld && waited($0) >= BodyQueue.pressAfter }
                refuse(waiting.max { waited($0) < waited($1) } ?? client)
            }
        }
    }

    private func waited(_ client: Client) -> Nanoseconds { client.wait.waited(at: now) }

    private func askAgain(_ client: Client) {
        guard findsRoom(client, for: client.wait.pieces.count) else { return }
        let pieces = client.wait.pieces
        client.body.append(pieces.span)
        client.wait.release(to: budget, at: now)
        client.lastPiece = now
    }

    private func takesRoom(_ client: Client, for bytes: Int) -> Bool {
        let footprint = client.body.footprint(appending: bytes)
        return client.wait.takeRoom(for: footprint, of: body(of: client), in: &client.memory, queue: queue)
    }

    private func body(of client: Client) -> BodyWait.Body {
        BodyWait.Body(id: client.id, arrived: client.arrived, length: client.isAnnounced ? client.size : nil)
    }

    private func findsRoom(_ client: Client, for bytes: Int) -> Bool {
        let footprint = client.body.footprint(appending: bytes)
        let body = body(of: client)
        let (isFull, before) = (budget.isFullOfBodies, client.memory.body)
        let room = client.wait.findRoom(for: footprint, of: body, in: &client.memory, queue: queue, at: now)
        // If bodies hold more than three quarters of the budget, only the body with the turn and small complete bodies
        // get more memory. A body's first small buffer needs no memory of the budget.
        let isSmall = client.arrived == client.size && footprint <= 65_600 || footprint <= ExchangeMemory.smallBodyMax
        if client.memory.body > before, bodyBytes > budget.limit / 4 * 3, !isSmall {
            tookTurn(client, isFull: isFull)
        }
        switch room {
        case .found: return true
        case .none(let slow):
            // A body that has the turn but still gets no memory loses the turn.
            if turn?.client === client { turn = nil }
            if let slow { press(slow) }
            return false
        case .refused:
            if client.wait.waited(at: now) > BodyQueue.waitMax + second {
                faults.append("\(client.id) waited too long")
            }
            refuse(client)
            return false
        }
    }

    /// Records that this body has the queue's turn, which lets one body at a time exceed its share of the memory.
    ///
    /// It is a fault if another waiting body still has the turn.
    private func tookTurn(_ client: Client, isFull: Bool) {
        if !isFull { faults.append("\(client.id) took more than its share of a budget that is not full") }
        if let turn, turn.client !== client, now < turn.asked + BodyQueue.turnMax, turn.client.wait.isQueued {
            faults.append("\(client.id) has the turn beside \(turn.client.id)")
        }
        turn = (client, now)
    }

    private func press(_ slow: SlowBodies) {
        let arriving = bodies.filter {
            _ = $0.wait.bytesPerSecond(arrived: $0.arrived, at: now)
            return $0.answered == nil && !$0.isOver && $0.wait.isPaceMeasured
        }
        let candidates = arriving.map {
            SlowBodies.Candidate(
                bytesPerSecond: $0.wait.bytesPerSecond(arrived: $0.arrived, at: now),
                footprint: $0.memory.body
            )
        }
        for index in slow.chosen(among: candidates) { refuse(arriving[index]) }
    }

    private func refuse(_ client: Client) {
        refused += 1
        end(client)
    }

    private func end(_ client: Client) {
        client.isOver = true
        client.wait.leave(queue, client.id)
        client.wait.release(to: budget, at: now)
        client.memory.end()
        bodies.removeAll { $0 === client }
        if !bodies.contains(where: { $0.account === client.account }) {
            client.account.close()
            accounts.removeAll { $0 === client.account }
        }
    }
}
