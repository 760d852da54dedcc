// Tests how the bench reads an engine's counters of its prefix cache from the metrics page.
import Testing

@testable import Bench

@Suite struct PrefixCountersTests {
    private static let page = """
        # HELP vllm:prefix_cache_queries_total Prefix cache queries, in terms of number of queried tokens.
        # TYPE vllm:prefix_cache_queries_total counter
        vllm:prefix_cache_queries_total{engine="0",model_name="demo"} 20.0
        vllm:prefix_cache_queries_total{engine="1",model_name="a } 7 b"} 1.5e+07 1700000000000
        vllm:prefix_cache_queries_created{engine="0",model_name="demo"} 1.7e+09
        vllm:prefix_cache_hits_total{engine="0",model_name="demo"} 8.0
        vllm:prefix_cache_hits_total{engine="1",model_name="demo"} 0.0
        """

    @Test func enginesAreAddedUp() {
        #expect(PrefixCounters(page: Self.page) == PrefixCounters(queries: 15_000_020, hits: 8))
    }

    @Test func labelsMayBeAbsent() {
        let page = "vllm:prefix_cache_queries_total 4\nvllm:prefix_cache_hits_total 3\n"
        #expect(PrefixCounters(page: page) == PrefixCounters(queries: 4, hits: 3))
    }

    @Test(arguments: ["", "vllm:prefix_cache_queries_total 4\n", "vllm:prefix_cache_hits_total 4\nup 1\n"])
    func aPageWithoutThemHasNone(page: String) {
        #expect(PrefixCounters(page: page) == nil)
    }

    @Test func theEarlierCountsAreSubtracted() {
        let before = PrefixCounters(queries: 100, hits: 40)
        #expect(PrefixCounters(queries: 150, hits: 60).since(before) == PrefixCounters(queries: 50, hits: 20))
    }

    @Test func afterARestartEverythingCounts() {
        let before = PrefixCounters(queries: 100, hits: 40)
        #expect(PrefixCounters(queries: 70, hits: 50).since(before) == PrefixCounters(queries: 70, hits: 50))
        #expect(PrefixCounters(queries: 170, hits: 30).since(before) == PrefixCounters(queries: 170, hits: 30))
    }

    @Test func theRatioOfNothingIsUnknown() {
        #expect(PrefixCounters(queries: 0, hits: 0).ratio == nil)
        #expect(PrefixCounters(queries: 8, hits: 2).ratio == 0.25)
    }
}
