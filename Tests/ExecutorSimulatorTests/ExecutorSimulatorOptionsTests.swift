// Invalid options of the executor simulator, and the message for each.
import Testing

@testable import ExecutorSimulator

@Suite struct ExecutorSimulatorOptionsTests {
    private func problem(cache: Int? = nil, block: Int = 16, rate: Double? = nil) -> String? {
        var options = ExecutorSimulatorOptions()
        options.cacheTokens = cache
        options.blockSize = block
        options.prefillRate = rate
        return options.cacheProblem
    }

    @Test func goodOptionsHaveNoProblem() {
        #expect(problem() == nil && ExecutorSimulatorOptions().countsPrompts == false)
        #expect(problem(cache: 16) == nil && problem(cache: 524_288, block: 1, rate: 8000) == nil)
        #expect(problem(cache: 1_000_000_000, block: 65_536, rate: 0.5) == nil)
    }

    @Test(arguments: [0, -5, 15, 1_000_000_001]) func aCacheOfAWrongSizeIsNamed(tokens: Int) throws {
        let found = try #require(problem(cache: tokens))
        #expect(found.hasPrefix("--cache-tokens ") && found.hasSuffix(", not \(tokens)"))
    }

    @Test(arguments: [0, -1, 65_537]) func aBlockOfAWrongSizeIsNamed(tokens: Int) {
        #expect(problem(cache: 1_000_000, block: tokens) == "--block is between 1 and 65536 tokens, not \(tokens)")
    }

    @Test func anOptionWithoutTheOneThatItChangesIsNamed() {
        var options = ExecutorSimulatorOptions()
        options.saidCacheTokens = 1000
        #expect(options.cacheProblem == "--cache-tokens-said needs --cache-tokens")
        options.cacheTokens = 1000
        #expect(options.cacheProblem == nil)
        options.saidCacheTokens = -1
        #expect(options.cacheProblem == "--cache-tokens-said is between 0 and 1000000000, not -1")
        options.saidCacheTokens = nil
        options.slowWhile = "slow"
        #expect(options.cacheProblem == "--slow-while needs --prefill-rate")
    }

    @Test(arguments: [0, -1, .nan, .infinity, 1e10]) func aWrongRateIsNamed(rate: Double) throws {
        let found = try #require(problem(rate: rate))
        #expect(found.hasPrefix("--prefill-rate is above 0 and at most 1000000000 tokens"))
    }
}
