// Tests that the simulated executor's hashes are the same in every process, which Swift's `Hasher` does not guarantee.

import Testing

@testable import ExecutorSimulator

@Suite struct HashTests {
    @Test func hashesAreTheSameInEveryProcess() {
        var hash = Hash()
        hash.add("a")
        #expect(hash.value == reference("a"))
        #expect(Hash.mix(0) == 0)
        #expect(Hash.mix(1) == Hash.mix(1))
    }

    private func reference(_ text: String) -> UInt64 {
        (Array(text.utf8) + [0]).reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
