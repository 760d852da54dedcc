// What one exchange is charged, to the account of its connection: given back once, whichever way it ends.
internal import Transport

/// Confined to the worker of its exchange.
struct ExchangeMemory {
    /// What an exchange with an executor costs beside its stream, heads and bodies: its own objects, the attempt, the
    /// executor's connection or stream.
    static let attemptCost = 8 << 10

    private let account: MemoryAccount
    private let budget: MemoryBudget
    private var fixed = MemoryCharge()
    private var body = 0
    private var scan: BodyCharge?
    /// How much may wait for the client before the executor is paused.
    var window = OutputWindow()

    init(account: MemoryAccount, budget: MemoryBudget) {
        self.account = account
        self.budget = budget
    }

    /// Charges what every exchange with an executor takes, its least share among it; false when there is no room.
    ///
    /// So whoever was let in can always stream.
    mutating func begin() -> Bool {
        fixed.grow(to: Self.attemptCost + MemoryBudget.shareMin, on: account)
    }

    /// No executor is asked any more: the client is told of a failure, which its stream is charged for.
    mutating func letGoOfAttempt() {
        if window.highWatermark == 0 { fixed.set(0, on: account) }
    }

    // MARK: The request body

    /// Whether a body of `length` bytes could ever be held.
    func mayEverHold(body length: Int) -> Bool { length <= budget.bodyMax }

    /// Charges the body at what its buffer takes, or is about to take; false, and nothing charged, when there is no room.
    mutating func growBody(to footprint: Int) -> Bool {
        guard footprint > body else { return true }
        guard account.chargeBody(footprint - body) else { return false }
        body = footprint
        return true
    }

    /// The body takes no more than this, at most what it was charged.
    mutating func shrinkBody(to footprint: Int) {
        guard footprint < body else { return }
        account.releaseBody(body - footprint)
        body = footprint
    }

    /// For a scan of the body on another thread, which may outlive the exchange.
    mutating func shareBody() -> BodyCharge {
        let charge = scan ?? BodyCharge(budget: budget)
        scan = charge
        return charge
    }

    /// The exchange has let the body go.
    mutating func letGoOfBody() {
        guard body > 0 else { return }
        if let scan { scan.adopt(account.forgetBody(body)) } else { account.releaseBody(body) }
        body = 0
        scan = nil
    }

    // MARK: The answer

    /// Whether an answer of the edge's own, of `bytes` bytes, may wait for the client.
    func admits(_ bytes: Int) -> Bool {
        guard account.charge(bytes) else { return false }
        // The stream's output is charged for it from here on.
        account.release(bytes)
        return true
    }

    /// The answer begins: takes the share of what may wait for the client.
    ///
    /// - Parameter most: `limits.exchange_buffer`, in bytes.
    mutating func commit(most: Int) -> Int {
        guard window.highWatermark == 0 else { return window.highWatermark }
        var share = budget.enter(most: most)
        if !fixed.grow(to: Self.attemptCost + share, on: account, for: .shares) {
            budget.shrink(share: share, to: MemoryBudget.shareMin)
            share = MemoryBudget.shareMin
        }
        window.open(highWatermark: share)
        return share
    }

    // MARK: The end

    /// Gives back whatever is charged; may be called again.
    mutating func end() {
        letGoOfBody()
        fixed.set(0, on: account)
        let share = window.close()
        if share > 0 { budget.leave(share: share) }
    }
}
