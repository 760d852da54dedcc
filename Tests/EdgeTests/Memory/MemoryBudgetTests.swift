// The policy of the memory budget: how much one connection may hold, and how much remains for the others.
import Testing
import Transport

@testable import Edge

@Suite struct MemoryBudgetTests {
    /// Charges memory to the account in pieces, until the budget refuses one.
    private func fill(_ account: MemoryAccount, by piece: Int = 5000) {
        while account.charge(piece) {}
    }

    @Test func theBudgetNeverPassesItsLimit() {
        let budget = MemoryBudget(limit: 1 << 20)
        #expect(budget.reserve(1 << 20))
        #expect(!budget.reserve(1))
        budget.release(1 << 19)
        #expect(budget.used == 1 << 19)
        #expect(!budget.reserve(Int.max), "a content-length of 2^63-1 must not wrap around")
        #expect(budget.used == 1 << 19)
    }

    // MARK: Connections

    @Test func oneConnectionHoldsASixthOfTheWhole() {
        let budget = MemoryBudget(limit: 64 << 20)
        let account = MemoryAccount(source: budget)
        fill(account)
        #expect(account.held > 10 << 20 && account.held <= 11 << 20)
    }

    @Test func aTrustedConnectionHoldsMoreThanAThird() {
        let budget = MemoryBudget(limit: 64 << 20)
        let account = MemoryAccount(source: budget, isTrusted: true)
        fill(account)
        #expect(account.held > 24 << 20 && account.held <= 25 << 20)
    }

    /// Even if each connection takes all the memory that it may have, some memory remains for a further connection.
    @Test(arguments: [1, 5, 20, 80, 500])
    func anyNumberOfConnectionsLeavesSomethingForOthers(_ count: Int) {
        let budget = MemoryBudget(limit: 64 << 20)
        let greedy = (0..<count).map { _ in MemoryAccount(source: budget) }
        for account in greedy { fill(account) }
        #expect(budget.limit - budget.used >= (count <= 80 ? 1 << 20 : 128 << 10))
        if count <= 20 { #expect(budget.limit - budget.used > 4 * budget.limit / (count + 5)) }
        let other = MemoryAccount(source: budget)
        #expect(count > 80 || other.charge(100 << 10))
        withExtendedLifetime(greedy) {}
    }

    /// After connections have closed, the remaining ones may hold more.
    @Test func whatIsFreedMayBeHeldByOthers() {
        let budget = MemoryBudget(limit: 64 << 20)
        var greedy = (0..<20).map { _ in MemoryAccount(source: budget) }
        for account in greedy { fill(account) }
        let other = MemoryAccount(source: budget)
        fill(other)
        let before = other.held
        greedy.removeAll()
        fill(other)
        #expect(other.held > 2 * before)
    }

    /// A connection does not get its guaranteed minimum of memory if that would exceed the whole limit.
    @Test func theLeastEndsWithTheWhole() {
        let budget = MemoryBudget(limit: 1 << 20)
        let accounts = (0..<100).map { _ in MemoryAccount(source: budget) }
        for account in accounts { fill(account) }
        #expect(budget.used < 1 << 20)
        #expect(accounts[0].held > 100 << 10)
    }

    // MARK: Bodies

    @Test func aBodyMayTakeSevenTenthsOfWhatBodiesHave() {
        let budget = MemoryBudget(limit: 128 << 20)
        #expect(budget.bodyMax > 64 << 20, "a body of the default limit fits into 128 MiB")
        let account = MemoryAccount(source: budget)
        #expect(account.chargeBody(budget.bodyMax))
        #expect(!account.chargeBody(4 << 20))
        #expect(MemoryAccount(source: budget).chargeBody(8 << 20), "others have bodies beside it")
        #expect(!account.chargeBody(Int.max))
    }

    @Test func bodiesLeaveAQuarterForTheRest() {
        let budget = MemoryBudget(limit: 64 << 20)
        let accounts = (0..<100).map { _ in MemoryAccount(source: budget) }
        for account in accounts { while account.chargeBody(100_000) {} }
        #expect(budget.used <= 48 << 20)
        #expect(MemoryAccount(source: budget).charge(128 << 10))
        for account in accounts { account.close() }
        #expect(budget.used == 0)
    }

    /// Many connections need more than the quarter of the budget that bodies leave free; requests can begin
    /// nevertheless.
    @Test func bodiesLeaveRoomForRequestsBesideManyConnections() {
        let budget = MemoryBudget(limit: 64 << 20)
        let accounts = (0..<400).map { _ in
            MemoryAccount(
                source: budget,
                prepaid: MemoryBudget.connectionCharge,
                held: MemoryBudget.connectionCost
            )
        }
        #expect(budget.reserve(accounts.count * MemoryBudget.connectionCharge))
        for account in accounts { while account.chargeBody(64 << 10) || account.chargeBody(4 << 10) {} }
        #expect(budget.used > 58 << 20 && budget.used <= 60 << 20)
        while accounts[0].chargeBody(64 << 10, for: .lastBody) {}
        for _ in 0..<1000 { _ = budget.holdBack(16 << 10, beyond: 0) }
        #expect(budget.used > 60 << 20 && budget.used <= 62 << 20, "\(budget.used)")
        #expect(budget.isFullOfBodies)
        for account in accounts[1...20] { #expect(account.charge(64 << 10)) }
    }

    /// However much memory connections hold, a small request body of another client still gets memory.
    ///
    /// Its pieces are held back until it has arrived completely; then the memory for the whole body is charged.
    @Test(arguments: [20, 80]) func connectionsLeaveRoomForASmallBody(_ count: Int) {
        let budget = MemoryBudget(limit: 64 << 20)
        let greedy = (0..<count).map { _ in MemoryAccount(source: budget) }
        for account in greedy { fill(account) }
        let other = MemoryAccount(source: budget)
        #expect(other.chargeBody(32 << 10) == (budget.limit - budget.used > 4 << 20))
        #expect(budget.holdBack(32 << 10, beyond: 0))
        #expect(other.chargeBody(64 << 10, for: .wholeBody))
        // However many pieces of incomplete bodies are held back, memory remains for bodies that have arrived
        // completely.
        for _ in 0..<1000 { _ = budget.holdBack(4 << 10, beyond: 0) }
        #expect(other.chargeBody(64 << 10, for: .wholeBody))
        withExtendedLifetime(greedy) {}
    }

    /// While bodies wait for memory, a body that only begins to arrive gets none of the memory that is released, unless
    /// there is enough for all.
    @Test func bodiesThatWaitGoFirst() {
        let budget = MemoryBudget(limit: 64 << 20)
        let accounts = (0..<100).map { _ in MemoryAccount(source: budget) }
        for account in accounts { while account.chargeBody(100_000) {} }
        #expect(budget.holdBack(4096, beyond: 0))
        accounts[99].close()
        accounts[98].close()
        let (new, waiting) = (MemoryAccount(source: budget), MemoryAccount(source: budget))
        #expect(!new.chargeBody(10_000) && waiting.chargeBody(10_000, for: .waitingBody))
        budget.releaseHeldBack(4096)
        #expect(new.chargeBody(10_000))
        #expect(budget.holdBack(4096, beyond: 0))
        for account in accounts { account.close() }
        #expect(new.chargeBody(10_000), "there is memory for all")
    }

    // MARK: Output shares

    @Test func anExchangeHasItsShareOfAQuarter() {
        let budget = MemoryBudget(limit: 4 << 20)
        #expect(budget.enter(most: 256 << 10) == 256 << 10)
        #expect(budget.enter(most: 256 << 10) == 256 << 10)
        #expect(budget.enter(most: 256 << 10) == (512 << 10) / 3)
        for share in [256 << 10, 256 << 10, (512 << 10) / 3] { budget.leave(share: share) }
        #expect(budget.enter(most: 256 << 10) == 256 << 10)
        budget.leave(share: 256 << 10)
        #expect(budget.reserve(4 << 20))
        #expect(budget.enter(most: 256 << 10) == 16 << 10)
    }

    /// A thousand clients that stop reading fit into 128 MiB.
    @Test func aThousandConnectionsWithAnExchangeEachFindRoom() {
        let budget = MemoryBudget(limit: 128 << 20)
        var accounts: [MemoryAccount] = []
        for _ in 0..<1000 {
            #expect(budget.reserve(MemoryBudget.connectionCharge))
            let account = MemoryAccount(
                source: budget,
                prepaid: MemoryBudget.connectionCharge,
                held: MemoryBudget.connectionCost
            )
            #expect(account.charge(32 << 10))
            #expect(budget.enter(most: 256 << 10) >= 16 << 10)
            accounts.append(account)
        }
        #expect(budget.used < 112 << 20)
        withExtendedLifetime(accounts) {}
    }

    // MARK: Other processes

    @Test func otherProcessesUseTheSameLimit() {
        let budget = MemoryBudget(limit: 64 << 20)
        budget.setUsedElsewhere(48 << 20)
        #expect(!budget.reserve((16 << 20) + 1) && budget.reserve(16 << 20) && budget.used == 16 << 20)
        budget.release(16 << 20)
        // One connection may use only a part of the memory that remains free after the use of all processes.
        let account = MemoryAccount(source: budget)
        fill(account)
        #expect(account.held < 3 << 20)
        account.close()
        #expect(budget.enter(most: 256 << 20) <= 16 << 20)
        // Other processes use more than the limit.
        budget.setUsedElsewhere(.max)
        #expect(!budget.reserve(1) && budget.used == 0)
        budget.setUsedElsewhere(-1)
        #expect(budget.reserve(64 << 20))
    }
}
