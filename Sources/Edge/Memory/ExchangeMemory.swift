// Counts the memory of one exchange: a fixed part, its request body, and bytes of the response that wait for the
// client.
internal import Inference
internal import Transport

/// The memory that one exchange has charged to the account of its connection.
///
/// Confined to the worker of the exchange. `end` gives everything back, whichever way the exchange ends.
struct ExchangeMemory {
    /// How many bytes are charged for the objects of one exchange with an executor.
    ///
    /// The objects are the exchange, its attempt, and the executor's connection or stream. The client's stream, the
    /// heads and the bodies are charged separately.
    static let attemptCost = 8 << 10
    /// A request body's buffer of at most this many bytes is not charged, because the response's charge covers it.
    ///
    /// `begin` charges memory for the response in advance. A small body uses this memory, and is freed before the
    /// response needs it. So a short request can always be received, even if the bodies of other clients have used up
    /// all memory for bodies.
    static let smallBodyMax = RequestBody.firstCapacity + RequestBody.padding

    /// The size, in bytes, up to which a body that has arrived completely may use memory that is not meant for bodies.
    static let wholeBodyMax = 64 << 10

    private let account: MemoryAccount
    private let budget: MemoryBudget
    /// The charge for `attemptCost`, and for the memory in which bytes of the response may wait for the client.
    private var fixed = MemoryCharge()
    /// The size of the request body's buffer in bytes; a size up to `smallBodyMax` is not charged.
    private(set) var body = 0
    /// The charge for a body that another thread, the scan thread, scans and may still read after the exchange's end.
    ///
    /// Nil if the body has not been passed to the scan thread.
    private var scan: BodyCharge?
    /// The limit on bytes of the response that wait for the client; reading from the executor pauses above it.
    var window = OutputWindow()
    /// What this request adds to the requests and body bytes that are counted for its client's address; nil if the
    /// request is not counted.
    ///
    /// The key `limits.per_address` sets the limits of these counts.
    var addressHold: AddressHold?

    init(account: MemoryAccount, budget: MemoryBudget) {
        self.account = account
        self.budget = budget
    }

    /// Charges the memory that every exchange needs to reach an executor and to buffer the beginning of a response.
    ///
    /// The memory is charged before the first attempt, so that the exchange can always relay a response.
    ///
    /// - Returns: false if there is no memory.
    mutating func begin() -> Bool {
        fixed.grow(to: Self.attemptCost + MemoryBudget.shareMin, on: account)
    }

    /// Ends the charge that `begin` has made, when the exchange has failed and will try no further executor.
    ///
    /// Does nothing if the response to the client has begun, with a head from an executor or with a head that the edge
    /// has sent before an executor answered.
    mutating func letGoOfAttempt() {
        if window.highWatermark == 0 { fixed.set(0, on: account) }
    }

    // MARK: The request body

    /// Whether the memory budget could hold a body of `length` bytes if it were otherwise unused.
    func mayEverHold(body length: Int) -> Bool { length <= budget.bodyMax }

    /// Whether the limit on all bodies of the connection together allows a buffer of `footprint` bytes for this body.
    func mayHold(body footprint: Int) -> Bool {
        account.bodies - Self.charge(of: body) + footprint <= budget.bodyMax
    }

    /// Whether the bodies of all clients have used up most of their part of the memory budget, or little of the budget
    /// is free.
    var isFullOfBodies: Bool { budget.isFullOfBodies }

    /// How many bytes are charged for a body whose buffer takes `footprint` bytes.
    private static func charge(of footprint: Int) -> Int { footprint > smallBodyMax ? footprint : 0 }

    /// Raises the charge for the body to the size of its buffer; if there is no memory, charges nothing and returns
    /// false.
    ///
    /// - Parameters:
    ///   - footprint: the size of the buffer in bytes, now or after the next bytes are appended.
    ///   - use: what the memory is for. With `.bodies`, the memory is refused while other bodies wait and memory for
    ///     bodies is nearly used up.
    mutating func growBody(to footprint: Int, for use: MemoryUse = .bodies) -> Bool {
        guard footprint > body else { return true }
        let more = Self.charge(of: footprint) - Self.charge(of: body)
        guard more == 0 || account.chargeBody(more, for: use) else { return false }
        body = footprint
        return true
    }

    /// Raises the charge for a body that has arrived completely; if there is no memory, charges nothing and returns
    /// false.
    ///
    /// A body of at most `wholeBodyMax` may use memory that bodies which are still arriving may not use. It is scanned
    /// and sent on at once, so the memory is soon free again.
    mutating func growWholeBody(to footprint: Int) -> Bool {
        if growBody(to: footprint, for: .waitingBody) { return true }
        return footprint <= Self.wholeBodyMax + RequestBody.padding && growBody(to: footprint, for: .wholeBody)
    }

    /// Lowers the charge for the body to the size of its buffer.
    mutating func shrinkBody(to footprint: Int) {
        guard footprint < body else { return }
        account.releaseBody(Self.charge(of: body) - Self.charge(of: footprint))
        body = footprint
    }

    /// Returns the charge for a body that another thread, the scan thread, scans and may read after the exchange's end.
    mutating func shareBody() -> BodyCharge {
        let charge = scan ?? BodyCharge(budget: budget)
        scan = charge
        return charge
    }

    /// Ends the charge for the body's memory, because the exchange needs the body no longer.
    ///
    /// If the scan thread may still read the body, the scan thread's job ends the charge later.
    mutating func letGoOfBody() {
        guard body > 0 else { return }
        let charged = Self.charge(of: body)
        if let scan {
            if charged == 0 { budget.takeBody(body) }
            scan.adopt(charged == 0 ? body : account.forgetBody(charged))
        } else {
            account.releaseBody(charged)
        }
        body = 0
        scan = nil
    }

    // MARK: The response

    /// Whether there is memory for a response that the edge makes itself.
    ///
    /// - Parameter bytes: the size of the response.
    func admits(_ bytes: Int) -> Bool {
        guard account.charge(bytes) else { return false }
        // The charge was only a test: the stream's output buffer charges the bytes itself when it takes them.
        account.release(bytes)
        return true
    }

    /// Charges the memory in which the exchange's response may wait for the client, when the response begins.
    ///
    /// - Parameter most: `limits.exchange_buffer`, in bytes.
    /// - Returns: the size of this memory in bytes; the same value as before if it has been charged already.
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

    /// Gives back everything that is charged; may be called again.
    mutating func end() {
        letGoOfBody()
        addressHold?.end()
        addressHold = nil
        fixed.set(0, on: account)
        let share = window.close()
        if share > 0 { budget.leave(share: share) }
    }
}
