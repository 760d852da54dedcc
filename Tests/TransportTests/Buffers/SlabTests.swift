// A slab stores elements in slots, and finds them by keys. It reuses the slot of a removed element, but not its key.
import Testing

@testable import Transport

struct SlabTests {
    @Test func elementsAreFoundByTheirKeys() {
        var slab = Slab<String>()
        #expect(slab.isEmpty)
        let (one, two) = (slab.insert("one"), slab.insert("two"))
        #expect(slab[one] == "one" && slab[two] == "two")
        #expect(slab.contains(one) && slab.count == 2 && slab.elements == ["one", "two"])
        #expect(one == SlabKey(index: 0, generation: 0) && two == SlabKey(index: 1, generation: 0))
    }

    @Test func aKeyNamesNothingOnceItsElementIsRemoved() {
        var slab = Slab<String>()
        let (one, two) = (slab.insert("one"), slab.insert("two"))
        #expect(slab.remove(one) == "one")
        #expect(slab.remove(one) == nil && slab[one] == nil && !slab.contains(one))
        #expect(slab.count == 1 && slab.elements == ["two"])
        let three = slab.insert("three")
        #expect(three == SlabKey(index: 0, generation: 1), "the free slot is used again, under a new key")
        #expect(slab[one] == nil && slab[three] == "three" && slab.remove(one) == nil)
        #expect(slab[two] == "two" && slab.count == 2)
    }

    @Test func theSlotThatWasFreedLastIsTakenFirst() {
        var slab = Slab<Int>()
        let keys = (0..<4).map { slab.insert($0) }
        slab.remove(keys[1])
        slab.remove(keys[3])
        #expect(slab.insert(10).index == 3)
        #expect(slab.insert(11).index == 1)
        #expect(slab.insert(12).index == 4)
        #expect(slab.elements == [0, 11, 2, 10, 12])
    }

    @Test func aKeyOfAnotherSlabNamesNothing() {
        let slab = Slab<Int>()
        #expect(slab[SlabKey(index: 7, generation: 0)] == nil)
    }

    @Test func anElementGoesWithItsRemoval() {
        final class Element {}
        var slab = Slab<Element>()
        weak var element: Element?
        let key = {
            let made = Element()
            element = made
            return slab.insert(made)
        }()
        #expect(element != nil)
        slab.remove(key)
        #expect(element == nil)
    }

    @Test func aKeyGoesThroughOneWord() {
        for key in [SlabKey(index: 7, generation: 1), SlabKey(index: .max, generation: .max)] {
            #expect(SlabKey(bits: key.bits) == key)
        }
        #expect(SlabKey(bits: SlabKey(index: 7, generation: 1).bits) != SlabKey(index: 7, generation: 2))
    }
}
