// `BodyHold` charges the memory budget for a body while it is decoded, and grows with it.
import Testing

@testable import Edge

@Suite struct BodyHoldTests {
    @Test func itGrowsToWhatIsNeededAndNeverShrinks() {
        let budget = MemoryBudget(limit: 1000)
        let hold = BodyHold(budget: budget)
        #expect(hold.grow(to: 400) && budget.used == 400)
        #expect(hold.grow(to: 300) && budget.used == 400)
        #expect(hold.grow(to: 1000) && budget.used == 1000)
    }

    @Test func whatIsRefusedChangesNothing() {
        let budget = MemoryBudget(limit: 1000)
        let hold = BodyHold(budget: budget)
        #expect(hold.grow(to: 600) && !hold.grow(to: 1001))
        #expect(budget.used == 600)
        #expect(hold.grow(to: 1000), "there is room for what fits")
    }

    @Test func itIsGivenBackOnce() {
        let budget = MemoryBudget(limit: 1000)
        var hold: BodyHold? = BodyHold(budget: budget)
        #expect(hold?.grow(to: 500) == true)
        hold?.release()
        hold?.release()
        #expect(budget.used == 0)
        #expect(hold?.grow(to: 200) == true && budget.used == 200, "it may be used again")
        hold = nil
        #expect(budget.used == 0)
    }
}
