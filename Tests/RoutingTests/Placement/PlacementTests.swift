// Tests how many bytes of a prompt count as work for the chosen executor: those that it does not have cached.
import Testing

@testable import Routing

@Suite struct PlacementTests {
    @Test func onlyWhatIsMissingWaits() {
        let placement = Placement(reason: .prefix, promptBytes: 10_000, believedBytes: 8192)
        #expect(placement.missingBytes == 1808 && placement.believedBytes == 8192)
        // `promptBytes` may be smaller than the part that the executor has cached. Then nothing is missing.
        #expect(Placement(promptBytes: 100, believedBytes: 8192).missingBytes == 0)
    }
}
