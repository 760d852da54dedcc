import HTTP
import Inference
import Testing

@Suite struct RetryAfterTests {
    /// 2026-11-28T05:00:00Z in seconds since 1970.
    private static let now = 1_795_842_000

    private func wait(_ fields: [(String, String)]) -> Int? {
        var block = FieldBlock()
        for (name, value) in fields { block.append(name: name, value: value) }
        return RetryAfter.milliseconds(block, now: Self.now)
    }

    @Test(arguments: [
        ("9", 9_000), ("1.5", 1_500), ("0", 1_000), ("0.2", 1_000), ("-5", 1_000), ("86400", 3_600_000), (" 7 ", 7_000),
        ("Sat, 28 Nov 2026 05:00:30 GMT", 30_000), ("Saturday, 28-Nov-26 05:00:30 GMT", 30_000),
        ("Sat Nov 28 05:00:30 2026", 30_000), ("Sat, 28 Nov 2026 04:00:00 GMT", 1_000),
        ("2026-11-28T05:01:00Z", 60_000), ("30s", 30_000), ("1m30s", 90_000),
        ("5, 9", 9_000), ("2s, 1s", 2_000), ("+5", 5_000),
    ]) func readsRetryAfter(value: String, milliseconds: Int) {
        #expect(wait([("retry-after", value)]) == milliseconds)
    }

    @Test(arguments: [
        "", "soon", "nan", "inf", "1x", "0x10", "1e1", "5, soon", "Sat, 31 Feb 2026 05:00:30 GMT",
        "Sat, 28 Nov 2026 25:00:30 GMT",
    ])
    func takesNonsenseForNothing(value: String) { #expect(wait([("retry-after", value)]) == nil) }

    /// A date counts from the response's own `Date`, because the clocks of two machines differ.
    @Test func countsADateFromTheAnswersOwn() {
        let date = ("date", "Sat, 28 Nov 2026 03:00:00 GMT")
        #expect(wait([date, ("retry-after", "Sat, 28 Nov 2026 03:00:45 GMT")]) == 45_000)
    }

    @Test func prefersMilliseconds() {
        #expect(wait([("retry-after", "3"), ("retry-after-ms", "2250")]) == 2_250)
        #expect(wait([("retry-after-ms", "2250.5")]) == 2_251)
    }

    @Test func readsWhenLimitsBeginAnew() {
        #expect(wait([("x-ratelimit-reset-requests", "2s"), ("x-ratelimit-reset-tokens", "6m0s")]) == 360_000)
        // If the response tells how much of each limit remains, only the reset of an exhausted limit counts.
        #expect(
            wait([
                ("x-ratelimit-reset-requests", "2s"), ("x-ratelimit-remaining-requests", "0"),
                ("x-ratelimit-reset-tokens", "6m0s"), ("x-ratelimit-remaining-tokens", "17"),
            ]) == 2_000
        )
        #expect(wait([("anthropic-ratelimit-tokens-reset", "2026-11-28T05:00:20Z")]) == 20_000)
        #expect(wait([("x-ratelimit-reset", "\(Self.now + 15)")]) == 15_000)
        #expect(wait([("x-ratelimit-reset", "\((Self.now + 15) * 1000)")]) == 15_000)
        #expect(wait([("ratelimit-reset", "12")]) == 12_000)
        #expect(wait([("retry-after", "4"), ("x-ratelimit-reset-requests", "9s")]) == 4_000)
    }
}
