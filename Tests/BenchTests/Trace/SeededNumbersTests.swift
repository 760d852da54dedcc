// Random numbers that a seed determines, so that a run of the load generator can be repeated.
import Testing

@testable import Bench

@Suite struct SeededNumbersTests {
    /// Compares with the first outputs of Vigna's reference implementation for the state 0.
    @Test func theNumbersAreThoseOfSplitMix64() {
        // The generator computes its state from the seed; this seed gives the state 0.
        let numbers = SeededNumbers(seed: 0 &- 0x9E37_79B9_7F4A_7C15)
        #expect(numbers[1] == 0xE220_A839_7B1D_CDAF)
        #expect(numbers[2] == 0x6E78_9E6A_A1B9_65F4)
        #expect(numbers[3] == 0x06C4_5D18_8009_454F)
    }

    @Test func theSameSeedGivesTheSameNumbers() {
        let one = SeededNumbers(seed: 7)
        let other = SeededNumbers(seed: 7)
        #expect((0..<100).allSatisfy { one[$0] == other[$0] && one.sequence(3)[$0] == other.sequence(3)[$0] })
        #expect((0..<100).allSatisfy { one[$0] != SeededNumbers(seed: 8)[$0] })
    }

    @Test func sequencesDiffer() {
        let numbers = SeededNumbers(seed: 1)
        let all = (0..<20).flatMap { sequence in (0..<20).map { numbers.sequence(sequence)[$0] } }
        #expect(Set(all).count == 400)
    }
}
