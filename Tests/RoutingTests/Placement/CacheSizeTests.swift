// The estimated size of an executor's prefix cache, which is corrected by what its answers say was cached.
import Testing

@testable import Routing

@Suite struct CacheSizeTests {
    private static func learned(_ answer: CacheSize.Answer, times: Int, held: Int = CacheSize.first) -> Int {
        var size = CacheSize()
        for _ in 0..<times { size.learn(answer, held: min(held, size.bytes)) }
        return size.bytes
    }

    @Test func whatWasBelievedAndIsNotCachedMakesItSmaller() {
        let wrong = CacheSize.Answer(prompt: 100_000, believed: 90_000, cached: 10_000)
        #expect(Self.learned(wrong, times: 10) == CacheSize.first, "too little has been answered")
        #expect(Self.learned(wrong, times: 20) == CacheSize.first / 2, "it is halved at most")
        #expect(Self.learned(wrong, times: 2000) == CacheSize.range.lowerBound)
    }

    @Test func whatIsCachedAndWasNotBelievedMakesItLarger() {
        let wrong = CacheSize.Answer(prompt: 100_000, believed: 10_000, cached: 90_000)
        #expect(Self.learned(wrong, times: 17) == CacheSize.first * 2)
        #expect(Self.learned(wrong, times: 5000) == CacheSize.range.upperBound)
    }

    /// An estimate grows in large steps until it has been too large, and in small steps afterwards.
    @Test func itGrowsInLargeStepsUntilItHasBeenTooLarge() {
        let more = CacheSize.Answer(prompt: 100_000, believed: 10_000, cached: 90_000)
        let less = CacheSize.Answer(prompt: 100_000, believed: 90_000, cached: 10_000)
        let right = CacheSize.Answer(prompt: 100_000, believed: 50_000, cached: 50_000)
        var size = CacheSize(bytes: 1 << 20)
        func learn(_ answer: CacheSize.Answer) { for _ in 0..<17 { size.learn(answer, held: size.bytes) } }
        learn(more)
        #expect(size.bytes == 2 << 20)
        learn(right)
        #expect(size.bytes == 3 << 20)
        learn(less)
        #expect(size.bytes == 3 << 19)
        learn(more)
        #expect(size.bytes == 15 << 17)
        learn(right)
        #expect(size.bytes == (15 << 17) * 9 / 8)
    }

    /// A small difference between the believed and the cached bytes does not make the estimated size smaller.
    ///
    /// The tokens of a prompt are not evenly spread over its bytes, so small differences say nothing.
    @Test func smallDifferencesCountAsRight() {
        let nearly = CacheSize.Answer(prompt: 100_000, believed: 50_000, cached: 46_000)
        #expect(Self.learned(nearly, times: 17) > CacheSize.first)
        // The executor is believed to hold far less than its cache has room for, so its answers do not show how large
        // the cache is.
        #expect(Self.learned(nearly, times: 170, held: 1000) == CacheSize.first)
    }

    /// The first estimate is the size that the engine reports for its cache; answers correct it later.
    @Test func whatTheEngineSaysIsTheSizeAtFirst() {
        var size = CacheSize()
        size.said(10 << 20)
        #expect(size.bytes == 10 << 20)
        size.said(20 << 20)
        #expect(size.bytes == 10 << 20, "said once")
        for _ in 0..<20 {
            size.learn(CacheSize.Answer(prompt: 100_000, believed: 90_000, cached: 10_000), held: size.bytes)
        }
        #expect(size.bytes == 5 << 20)
        var learned = CacheSize()
        for _ in 0..<20 {
            learned.learn(CacheSize.Answer(prompt: 100_000, believed: 90_000, cached: 10_000), held: learned.bytes)
        }
        learned.said(10 << 20)
        #expect(learned.bytes == CacheSize.first / 2, "learned before it was said")
        var absurd = CacheSize()
        absurd.said(.max)
        #expect(absurd.bytes == CacheSize.range.upperBound)
    }
}
