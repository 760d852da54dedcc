// Binary search for the first element that is not ordered before the key.
import Testing

@testable import Routing

@Suite struct BinarySearchTests {
    @Test func thePlaceIsThatOfASearchFromTheBeginning() {
        for count in 0..<20 {
            let numbers = (0..<count).map { 2 * $0 }
            for sought in -1...(2 * count + 1) {
                let expected = numbers.firstIndex { $0 >= sought } ?? count
                #expect(numbers.firstIndex(notBefore: { $0 < sought }) == expected)
            }
        }
    }

    @Test func ofEqualElementsTheFirstIsFoundAndASliceKeepsItsIndices() {
        let numbers = [9, 1, 3, 3, 3, 5]
        #expect(numbers[1...].firstIndex(notBefore: { $0 < 3 }) == 2)
        #expect(numbers[1...].firstIndex(notBefore: { $0 < 6 }) == 6)
    }

    @Test func fewElementsAreLookedAt() {
        var looked = 0
        let found = (0..<1_000_000).firstIndex(notBefore: {
            looked += 1
            return $0 < 123_456
        })
        #expect(found == 123_456 && looked <= 20)
    }
}
