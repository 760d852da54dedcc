// Tests how many bytes of a prompt a placement counts as waiting.
import Testing

@testable import Routing

@Suite struct PlacementTests {
    @Test func onlyWhatIsMissingWaits() {
        let placement = Placement(reason: .prefix, promptBytes: 10_000, believedBytes: 8192)
        #expect(placement.missingBytes == 1808 && placement.believedBytes == 8192)
        // The body may be shorter than the text that was hashed, for example with images.
        #expect(Placement(promptBytes: 100, believedBytes: 8192).missingBytes == 0)
    }
}
