// Tests how the memory of one exchange is counted: each part is charged as it grows, and given back exactly once.
import Inference
import Testing
import Transport

@testable import Edge

@Suite struct ExchangeMemoryTests {
    private let budget = MemoryBudget(limit: 64 << 20)
    private let account: MemoryAccount
    private var memory: ExchangeMemory

    init() {
        account = MemoryAccount(source: budget)
        memory = ExchangeMemory(account: account, budget: budget)
    }

    private var used: Int {
        account.close()
        return budget.used
    }

    @Test mutating func itsLeastShareIsChargedBeforeItsBody() {
        #expect(isTrue(memory.begin()))
        #expect(account.held >= MemoryBudget.shareMin)
        memory.end()
        #expect(account.held == 0)
    }

    @Test mutating func aFailureThatIsToldCostsNoShare() {
        #expect(isTrue(memory.begin()))
        memory.letGoOfAttempt()
        #expect(account.held == 0)
        #expect(isTrue(memory.begin()))
        _ = memory.commit(most: 256 << 10)
        memory.letGoOfAttempt()
        #expect(account.held > 256 << 10, "an answer that has begun keeps its share")
    }

    @Test mutating func whoeverFindsNoRoomIsRefused() {
        #expect(budget.reserve(64 << 20))
        #expect(isTrue(!memory.begin() && !memory.growBody(to: ExchangeMemory.smallBodyMax + 1)))
        #expect(account.held == 0 && account.bodies == 0)
    }

    @Test mutating func aBodyIsChargedAsItGrows() {
        #expect(memory.mayEverHold(body: 30 << 20) && !memory.mayEverHold(body: 60 << 20))
        #expect(isTrue(memory.growBody(to: 4096) && memory.growBody(to: 65_536) && memory.growBody(to: 10)))
        #expect(account.bodies == 65_536)
        #expect(isTrue(!memory.growBody(to: 60 << 20)))
        #expect(account.bodies == 65_536)
        memory.letGoOfBody()
        memory.letGoOfBody()
        #expect(account.bodies == 0)
    }

    // MARK: Small bodies

    /// A short request on an accepted connection needs no further memory from the budget, so it works even if other
    /// clients have used the budget up.
    @Test func aShortRequestNeedsNoMemoryBesideItsConnection() {
        let account = MemoryAccount(
            source: budget,
            prepaid: MemoryBudget.connectionCharge,
            held: MemoryBudget.connectionCost
        )
        budget.take(budget.limit)
        // Charges the memory for an HTTP/2 stream and a request head of 1 KiB.
        #expect(account.charge(6 << 10))
        var memory = ExchangeMemory(account: account, budget: budget)
        #expect(isTrue(memory.begin() && memory.growBody(to: ExchangeMemory.smallBodyMax)))
        #expect(account.bodies == 0 && isTrue(!memory.growBody(to: ExchangeMemory.smallBodyMax + 1)))
        #expect(memory.body == ExchangeMemory.smallBodyMax)
        memory.end()
        #expect(account.held == MemoryBudget.connectionCost + (6 << 10) && budget.used == budget.limit)
    }

    /// A small body is covered by the memory that each exchange may use.
    ///
    /// A larger one is charged completely by itself, so that the charge can pass to the scan thread with the body.
    @Test mutating func aBodyThatIsNoLongerSmallIsChargedWhole() {
        let small = ExchangeMemory.smallBodyMax
        #expect(isTrue(memory.growBody(to: small)) && account.bodies == 0 && memory.mayHold(body: budget.bodyMax))
        #expect(isTrue(memory.growBody(to: small + 1)) && account.bodies == small + 1)
        memory.shrinkBody(to: small)
        #expect(account.bodies == 0 && memory.body == small && budget.used == 0)
        memory.letGoOfBody()
        #expect(memory.body == 0 && used == 0)
    }

    /// A small body has no charge of its own, because the memory of its exchange covers it.
    ///
    /// If the exchange ends while the scan thread still reads the body, the body is charged from then on.
    @Test mutating func aSmallBodyThatIsScannedElsewhereIsChargedAfterTheExchange() {
        #expect(isTrue(memory.growBody(to: 1000)))
        var scan: BodyCharge? = memory.shareBody()
        budget.take(budget.limit)
        memory.end()
        account.close()
        #expect(budget.used == budget.limit + 1000 && scan != nil)
        scan = nil
        #expect(budget.used == budget.limit)
    }

    /// When bodies that still arrive have used up their part of the memory, small bodies that have arrived completely
    /// may use a reserved rest.
    @Test mutating func aWholeBodyOfAtMost64KiBGoesFirst() {
        let others = (0..<200).map { _ in MemoryAccount(source: budget) }
        for other in others { while other.chargeBody(64 << 10) || other.chargeBody(1 << 10) {} }
        let size = (64 << 10) + RequestBody.padding
        #expect(isTrue(!memory.growBody(to: size) && !memory.growWholeBody(to: size + 1)))
        #expect(isTrue(memory.growWholeBody(to: size)) && account.bodies == size)
        var whole = [memory]
        while whole.count < 1000 {
            var next = ExchangeMemory(account: MemoryAccount(source: budget), budget: budget)
            guard next.growWholeBody(to: size) else { break }
            whole.append(next)
        }
        #expect(whole.count > 60 && budget.used <= budget.limit / 16 * 13, "\(whole.count) in \(budget.used)")
        #expect(isTrue(whole[0].growBody(to: 1 << 20, for: .lastBody)), "they leave memory for the turn")
        withExtendedLifetime(others) {}
    }

    /// If the exchange ends while the scan thread reads its body, the memory of the body stays charged until the scan
    /// has ended.
    @Test mutating func aBodyThatIsScannedElsewhereIsChargedUntilTheScanEnds() {
        #expect(isTrue(memory.growBody(to: 2 << 20)))
        var scan: BodyCharge? = memory.shareBody()
        memory.end()
        #expect(account.bodies == 0)
        account.close()
        #expect(budget.used == 2 << 20 && scan != nil)
        scan = nil
        #expect(budget.used == 0)
    }

    @Test mutating func aBodyWhoseScanHasEndedIsGivenBackWithTheExchange() {
        #expect(isTrue(memory.growBody(to: 2 << 20)))
        _ = memory.shareBody()
        #expect(account.bodies == 2 << 20)
        memory.letGoOfBody()
        #expect(used == 0)
    }

    @Test mutating func anAnswerOfOurOwnNeedsRoom() {
        #expect(budget.reserve(64 << 20))
        #expect(!memory.admits(5000))
        budget.release(64 << 20)
        #expect(memory.admits(5000) && account.held == 0)
    }

    // MARK: Output shares

    @Test mutating func itsShareIsChargedAtTheCommit() {
        #expect(isTrue(memory.begin()))
        let before = account.held
        #expect(isTrue(memory.commit(most: 256 << 10) == 256 << 10))
        #expect(memory.window.highWatermark == 256 << 10)
        #expect(account.held == before + (240 << 10))
        #expect(isTrue(memory.commit(most: 256 << 10) == 256 << 10), "a second commit takes no second share")
        memory.end()
        memory.end()
        #expect(used == 0)
    }

    /// An exchange is charged 16 KiB when it begins.
    ///
    /// So it can relay its response even if no memory is free later.
    @Test mutating func whoeverHasBegunMayAlwaysStream() {
        #expect(isTrue(memory.begin()))
        let before = account.held
        #expect(budget.reserve(budget.limit - budget.used))
        #expect(isTrue(memory.commit(most: 256 << 10) == 16 << 10))
        #expect(account.held == before)
    }

    /// If a connection has many exchanges, each gets little memory for its response, so that memory remains for other
    /// connections.
    @Test mutating func aConnectionThatHoldsMuchGetsSmallShares() {
        var many: [ExchangeMemory] = []
        while true {
            var one = ExchangeMemory(account: account, budget: budget)
            guard one.begin() else { break }
            many.append(one)
        }
        for index in many.indices { #expect(isTrue(many[index].commit(most: 256 << 10) == 16 << 10)) }
        #expect(account.held < 11 << 20)
        for index in many.indices { many[index].end() }
        #expect(account.held == 0)
        #expect(isTrue(memory.commit(most: 256 << 10) == 256 << 10))
    }
}

/// `#expect` cannot expand a call to a mutating method, so the result is passed through this function.
func isTrue(_ value: Bool) -> Bool { value }
