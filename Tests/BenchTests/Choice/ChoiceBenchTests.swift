// The benchmark that measures how an executor is chosen: the beginning of each measured prompt must have been at an
// executor before.
import Testing

@testable import Bench

@Suite struct ChoiceBenchTests {
    @Test(arguments: [3, 70]) func theMeasuredPromptsAreHeld(executors: Int) throws {
        var options = ChoiceBench.Options()
        (options.executors, options.promptBytes, options.rounds, options.prompts) = (executors, 9000, 64, 100)
        options.caches = .warm
        let result = try ChoiceBench(options).run()
        #expect(result.held == 1)
        #expect(result.hash > 0 && result.choice > 0 && result.p99 >= result.median)
    }

    @Test(arguments: ChoiceBench.Caches.allCases) func theCachesMayHoldAnything(caches: ChoiceBench.Caches) throws {
        var options = ChoiceBench.Options()
        (options.rounds, options.prompts, options.caches) = (1, 10, caches)
        #expect(try ChoiceBench(options).run().held == 1)
    }

    /// A prompt shorter than 2 KiB is not hashed, so the pool cannot know which executor has received it before.
    @Test func shortPromptsAreNotHeld() throws {
        var options = ChoiceBench.Options()
        (options.promptBytes, options.rounds, options.prompts, options.caches) = (500, 8, 10, .warm)
        #expect(try ChoiceBench(options).run().held == 0)
    }
}
