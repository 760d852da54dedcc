// What a placement counts, and how the rate of prefill is measured.
import Testing
import Transport

@testable import Routing

@Suite struct PlacementTests {
    @Test func onlyWhatIsMissingWaits() {
        let placement = Placement(reason: .prefix, promptBytes: 10_000, believedBytes: 8192)
        #expect(placement.missingBytes == 1808 && placement.believedBytes == 8192)
        // The body may be shorter than the text that was hashed, for example with images.
        #expect(Placement(promptBytes: 100, believedBytes: 8192).missingBytes == 0)
    }

    @Test func theRateIsUnknownUntilEnoughIsMeasured() {
        var rate = PrefillRate()
        rate.measured(1000, in: 1)
        rate.measured(100_000, in: 1_000_000_000)
        #expect(rate.bytesPerSecond == nil)
        rate.measured(100_000, in: 1_000_000_000)
        #expect(rate.bytesPerSecond == 100_000)
        rate.measured(100_000, in: 0)
        #expect(rate.bytesPerSecond == 100_000)
        // An executor that has become ten times slower is soon believed to be.
        for _ in 0..<60 { rate.measured(100_000, in: 10_000_000_000) }
        #expect(rate.bytesPerSecond.map { $0 < 11_000 } == true)
    }
}
