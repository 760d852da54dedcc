// Tests the memory charge of a request body that two objects share: the budget gets it back once, when the second of
// them has released the body.
import Testing
import Transport

@testable import Edge

@Suite struct BodyChargeTests {
    @Test func itIsGivenBackWithTheLastReference() {
        let budget = MemoryBudget(limit: 64 << 20)
        let account = MemoryAccount(source: budget)
        #expect(account.chargeBody(1 << 20))
        let whole = budget.used
        var exchange: BodyCharge? = BodyCharge(budget: budget)
        exchange?.adopt(account.forgetBody(1 << 20))
        var job = exchange
        account.close()
        #expect(budget.used >= 1 << 20 && budget.used <= whole)
        exchange = nil
        #expect(budget.used >= 1 << 20, "the scan still reads the body")
        #expect(job != nil)
        job = nil
        #expect(budget.used == 0)
    }

    @Test func withoutABodyNothingIsGivenBack() {
        let budget = MemoryBudget(limit: 1 << 20)
        budget.take(100)
        do { _ = BodyCharge(budget: budget) }
        #expect(budget.used == 100)
    }
}
