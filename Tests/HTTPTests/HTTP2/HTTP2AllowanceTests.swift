import Testing
import Transport

@testable import HTTP

private let second: Nanoseconds = 1_000_000_000

@Suite struct HTTP2AllowanceTests {
    @Test func theBurstIsThereAtOnceAndFlowsBackByTheSecond() {
        var allowance = HTTP2Allowance(burst: 100, perSecond: 10)
        for _ in 0..<100 { #expect(allowance.take(now: second) == true) }
        #expect(allowance.take(now: second) == false)
        #expect(allowance.take(10, now: 2 * second) == true)
        #expect(allowance.take(now: 2 * second) == false)
        #expect(allowance.take(100, now: 12 * second) == true)
    }

    @Test func whatIsGivenBackCanBeTakenAgainAndNoMore() {
        var allowance = HTTP2Allowance(burst: 4, perSecond: 1)
        #expect(allowance.take(4, now: second) == true)
        allowance.giveBack(2)
        #expect(allowance.take(2, now: second) == true)
        #expect(allowance.take(now: second) == false)
        allowance.giveBack(100)
        #expect(allowance.take(4, now: second) == true)
        #expect(allowance.take(now: second) == false)
    }

    @Test func nothingFitsIntoAnAllowanceOfNothing() {
        var allowance = HTTP2Allowance(burst: 0, perSecond: 0)
        #expect(allowance.take(now: second) == false)
    }
}
