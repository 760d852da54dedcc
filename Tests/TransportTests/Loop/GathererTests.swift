// Tests when an event loop waits before it polls, so that one turn handles more events.
import LoopTesting
import Testing

@testable import Transport

@Suite struct GathererTests {
    @Test func onlyABusyLoopWithSmallTurnsGathers() {
        var quiet = Gatherer(.auto)
        for turn in 1...100 { quiet.observe(events: 1, now: UInt64(turn) * 1_000_000) }
        #expect(!quiet.isBusy, "a thousand events a second")
        for turn in 1...1000 { quiet.observe(events: 1, now: 200_000_000 + UInt64(turn) * 100_000) }
        #expect(!quiet.isBusy, "nor ten thousand: waiting would cost more than it gains")
        var busy = Gatherer(.auto)
        for turn in 1...1000 { busy.observe(events: 5, now: UInt64(turn) * 100_000) }
        #expect(busy.isBusy, "fifty thousand events a second, a few a turn")
        for turn in 1...100 { busy.observe(events: 200, now: 100_000_000 + UInt64(turn) * 1_000_000) }
        #expect(!busy.isBusy, "turns that are full gain nothing")
        var burst = Gatherer(.auto)
        for turn in 1...31 { burst.observe(events: 1, now: second + UInt64(turn) * 10_000) }
        #expect(!burst.isGathering, "the first of a burst are served at once")
        burst.observe(events: 1, now: second + 320_000)
        #expect(burst.isGathering && !burst.isBusy, "those that follow without a pause come together")
        burst.observe(events: 1, now: second + 2_000_000)
        #expect(!burst.isGathering, "until the next pause")
        var off = Gatherer(.off)
        for turn in 1...1000 { off.observe(events: 1, now: UInt64(turn) * 100_000) }
        #expect(!off.isBusy && !off.isGathering)
    }
}
