// What one exchange is charged: each part as it grows, and given back once.
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
        #expect(isTrue(!memory.begin() && !memory.growBody(to: 4096)))
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

    /// The scan thread still reads the body, so the charge remains until the scan has ended.
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

    /// Without free memory an exchange still has the 16 KiB that it was charged at its beginning.
    @Test mutating func whoeverHasBegunMayAlwaysStream() {
        #expect(isTrue(memory.begin()))
        let before = account.held
        #expect(budget.reserve(budget.limit - budget.used))
        #expect(isTrue(memory.commit(most: 256 << 10) == 16 << 10))
        #expect(account.held == before)
    }

    /// On a connection with many exchanges each gets a small share, so that memory remains for other connections.
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
