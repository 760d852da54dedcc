// How many retries the requests of a model may use.
import Testing

@testable import Routing

@Suite struct RetryBudgetTests {
    @Test func tenAtOnceAndThenATenth() {
        let budget = RetryBudget()
        for _ in 0..<10 { #expect(budget.take()) }
        #expect(!budget.take())
        for _ in 0..<200 { budget.requestBegan() }
        for _ in 0..<10 { #expect(budget.take()) }
        #expect(!budget.take())
        budget.retryEnded()
        #expect(budget.take())
    }
}
