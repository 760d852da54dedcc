// The placement map: which beginnings of prompts each executor is believed to have in its cache.
import Synchronization
import Testing

@testable import Routing

@Suite struct PlacementMapTests {
    /// The prefix of a prompt that consists of these blocks of 2 KiB, each named by a number.
    static func prefix(_ blocks: [Int]) -> PromptPrefix {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        return PromptPrefix(
            hashes: blocks.map { block in
                hash = (hash ^ UInt64(block + 1)) &* 0x9E37_79B9_7F4A_7C15
                hash ^= hash >> 29
                return hash
            }
        )
    }

    private static func bytes(_ blocks: Int) -> Int { blocks * PromptPrefix.step }

    @Test func whoHasGotAPromptHoldsItsBeginnings() {
        var map = PlacementMap()
        map.record(Self.prefix([1, 2, 3, 4, 5]), at: 7, losses: 0)
        #expect(map.holders(of: Self.prefix([1, 2, 3, 9])) == [PlacementMap.Match(executor: 7, bytes: Self.bytes(3))])
        #expect(map.bytesHeld(of: Self.prefix([1, 2, 3, 4, 5, 6]), by: 7) == Self.bytes(5))
        #expect(map.bytesHeld(of: Self.prefix([1]), by: 8) == 0)
        #expect(map.holders(of: Self.prefix([2, 3])).isEmpty, "a beginning counts from the first byte")
        #expect(map.holders(of: PromptPrefix()).isEmpty)
    }

    /// The map lists the executor that holds the longest beginning of a prompt, and those with at least four fifths of
    /// it.
    @Test func holdersAreThoseThatHoldNearlyTheMost() {
        var map = PlacementMap()
        let prompt = Array(0..<20)
        map.record(Self.prefix(prompt), at: 1, losses: 0)
        map.record(Self.prefix(Array(prompt[..<16])), at: 2, losses: 0)
        map.record(Self.prefix(Array(prompt[..<15])), at: 3, losses: 0)
        let holders = map.holders(of: Self.prefix(prompt))
        #expect(holders == [.init(executor: 1, bytes: Self.bytes(20)), .init(executor: 2, bytes: Self.bytes(16))])
    }

    /// A full map forgets the least recently used beginning first, and of one prompt the longest beginning.
    ///
    /// Each executor has its own limit: a full list of one executor costs another executor nothing.
    @Test func theOldestIsForgottenFirst() {
        let blocks = 600
        var map = PlacementMap(cacheBytes: blocks * PromptPrefix.step)
        map.record(Self.prefix([1, 2, 3]), at: 1, losses: 0)
        map.record(Self.prefix([8, 9]), at: 2, losses: 0)
        for other in 0..<(blocks - 2) { map.record(Self.prefix([1000 + other]), at: 1, losses: 0) }
        #expect(map.bytesHeld(of: Self.prefix([1, 2, 3]), by: 1) == Self.bytes(2))
        map.record(Self.prefix([1]), at: 1, losses: 0)
        map.record(Self.prefix([5000]), at: 1, losses: 0)
        #expect(map.bytesHeld(of: Self.prefix([1, 2, 3]), by: 1) == Self.bytes(1), "[1] was used again")
        #expect(map.bytesHeld(of: Self.prefix([8, 9]), by: 2) == Self.bytes(2))
        #expect(map.count == blocks + 2)
    }

    @Test func theMapIsBounded() {
        var map = PlacementMap(countMax: 100)
        for number in 0..<1000 { map.record(Self.prefix([number, number + 1]), at: number % 3, losses: 0) }
        #expect(map.count <= 100)
        #expect(map.bytesHeld(of: Self.prefix([999, 1000]), by: 0) == Self.bytes(2), "the newest is there")
        // The map is full when executor 9 comes. The map makes room by forgetting entries of the executor that has the
        // most.
        for number in 0..<20 { map.record(Self.prefix([5000 + number]), at: 9, losses: 0) }
        #expect(map.count <= 100 && map.bytesHeld(of: Self.prefix([5000]), by: 9) == Self.bytes(1))
        #expect(map.bytesHeld(of: Self.prefix([999, 1000]), by: 0) == Self.bytes(2))
    }

    /// Most requests begin with the same system prompt, so the executor that has it in its cache is not preferred.
    @Test func whatMostPromptsShareDrawsNobody() {
        var map = PlacementMap()
        for number in 0..<40 { map.record(Self.prefix([1, 2, 100 + number]), at: 0, losses: 0) }
        #expect(map.holders(of: Self.prefix([1, 2, 900])).isEmpty)
        #expect(map.bytesHeld(of: Self.prefix([1, 2, 900]), by: 0) == Self.bytes(2), "it is held nevertheless")
        #expect(map.holders(of: Self.prefix([1, 2, 120])) == [.init(executor: 0, bytes: Self.bytes(3))])
        // After many prompts without this beginning, it is no longer common.
        for number in 0..<4000 { map.record(Self.prefix([3000 + number]), at: 1, losses: 0) }
        #expect(map.holders(of: Self.prefix([1, 2, 900])) == [.init(executor: 0, bytes: Self.bytes(2))])
    }

    /// When an executor has refused a prompt, the map forgets the blocks that only this prompt has recorded for it.
    @Test func aPromptThatWasNotComputedIsTakenBack() {
        var map = PlacementMap()
        map.record(Self.prefix([1, 2]), at: 1, losses: 0)
        map.record(Self.prefix([1, 2, 3, 4]), at: 1, losses: 0)
        map.takeBack(Self.prefix([1, 2, 3, 4]), at: 1, believedBytes: Self.bytes(2))
        #expect(map.bytesHeld(of: Self.prefix([1, 2, 3, 4]), by: 1) == Self.bytes(2) && map.count == 2)
        // Two prompts with block 3 are recorded. The attempt of only one of them has failed, so the map keeps the
        // block.
        map.record(Self.prefix([1, 2, 3]), at: 1, losses: 0)
        map.record(Self.prefix([1, 2, 3, 5]), at: 1, losses: 0)
        map.takeBack(Self.prefix([1, 2, 3, 5]), at: 1, believedBytes: Self.bytes(2))
        #expect(map.bytesHeld(of: Self.prefix([1, 2, 3, 5]), by: 1) == Self.bytes(3))
        map.takeBack(Self.prefix([7, 8]), at: 1, believedBytes: 0)
        map.takeBack(Self.prefix([1, 2]), at: 9, believedBytes: 0)
        #expect(map.count == 3, "what was never recorded there cannot be taken back")
    }

    /// A failed request does not count as a use of its prompt's beginning.
    ///
    /// Otherwise many failures would make the beginning count as common, and a common beginning has no preferred
    /// executor.
    @Test func whatWasTakenBackDoesNotCountAsUsed() {
        var map = PlacementMap()
        for number in 0..<60 { map.record(Self.prefix([1, 2, 100 + number]), at: 0, losses: 0) }
        for number in 0..<60 { map.record(Self.prefix([500 + number]), at: 0, losses: 0) }
        #expect(map.holders(of: Self.prefix([1, 2, 900])) == [.init(executor: 0, bytes: Self.bytes(2))])
        for number in 0..<40 {
            map.record(Self.prefix([1, 2, 900 + number]), at: 0, losses: 0)
            map.takeBack(Self.prefix([1, 2, 900 + number]), at: 0, believedBytes: Self.bytes(2))
        }
        #expect(map.holders(of: Self.prefix([1, 2, 900])) == [.init(executor: 0, bytes: Self.bytes(2))])
    }

    /// If a thousand executors hold the same beginning of a prompt, the map lists only `holdersMax` of them.
    @Test func manyHoldersAreNotAllListed() {
        var map = PlacementMap()
        for executor in 0..<1000 { map.record(Self.prefix([1, executor + 10]), at: executor, losses: 0) }
        for number in 0..<2000 { map.record(Self.prefix([5000 + number]), at: number % 1000, losses: 0) }
        #expect(map.holders(of: Self.prefix([1, 7])).count == 32)
        #expect(map.holders(of: Self.prefix([1, 510])) == [.init(executor: 500, bytes: Self.bytes(2))])
        #expect(map.bytesHeld(of: Self.prefix([1, 7]), by: 999) == Self.bytes(1))
    }

    /// The map grows only if it gets memory from the budget; otherwise new beginnings replace old ones.
    @Test func theMapGrowsOnlyWithMemory() {
        let memory = CountedMemory(bytes: 1024 * PlacementTable.bytesAHolding)
        var map = PlacementMap(memory: memory)
        #expect(map.reservedBytes == 0)
        for number in 0..<5000 { map.record(Self.prefix([number]), at: number % 3, losses: 0) }
        #expect(map.count == 1024 && map.reservedBytes == 1024 * PlacementTable.bytesAHolding)
        #expect(map.bytesHeld(of: Self.prefix([4999]), by: 4999 % 3) == Self.bytes(1))
        #expect(memory.left == 0)
        memory.release(1024 * PlacementTable.bytesAHolding)
        map.record(Self.prefix([6000]), at: 0, losses: 0)
        #expect(map.count == 1025 && memory.left == 0)
        var none = PlacementMap(memory: memory)
        none.record(Self.prefix([1, 2]), at: 0, losses: 0)
        #expect(none.count == 0 && none.bytesHeld(of: Self.prefix([1, 2]), by: 0) == 0)
    }

    @Test func anExecutorThatWasLostHoldsNothing() {
        var map = PlacementMap()
        for executor in [1, 2] { map.record(Self.prefix([1, 2]), at: executor, losses: 0) }
        map.refresh(1, losses: 0)
        #expect(map.bytesHeld(of: Self.prefix([1, 2]), by: 1) == Self.bytes(2))
        map.refresh(1, losses: 1)
        #expect(map.bytesHeld(of: Self.prefix([1, 2]), by: 1) == 0)
        #expect(map.bytesHeld(of: Self.prefix([1, 2]), by: 2) == Self.bytes(2))
        map.record(Self.prefix([1]), at: 1, losses: 1)
        map.refresh(1, losses: 1)
        #expect(map.bytesHeld(of: Self.prefix([1]), by: 1) == Self.bytes(1))
        map.keep([2])
        #expect(map.bytesHeld(of: Self.prefix([1]), by: 1) == 0)
        #expect(map.bytesHeld(of: Self.prefix([1, 2]), by: 2) == Self.bytes(2) && map.count == 2)
    }

    /// When an executor is removed, the map forgets all prompts that were recorded for it.
    @Test func anExecutorThatComesGetsTheListOfOneThatHasLeft() {
        var map = PlacementMap()
        for executor in 0..<100 {
            map.record(Self.prefix([executor, 2]), at: executor, losses: 0)
            map.record(Self.prefix([1, 2]), at: 1000, losses: 0)
            #expect(map.bytesHeld(of: Self.prefix([executor, 2]), by: executor) == Self.bytes(2))
            map.keep([1000])
            #expect(map.count == 2 && map.bytesHeld(of: Self.prefix([executor, 2]), by: executor) == 0)
        }
        #expect(map.bytesHeld(of: Self.prefix([1, 2]), by: 1000) == Self.bytes(2))
    }

    /// Compares the map with a simple model: for each executor, an array of prompt beginnings in the order of their
    /// use.
    @Test func itAgreesWithAPlainModel() {
        struct Held {
            var hash: UInt64
            var bytes: Int
        }
        let size = 512 << 10
        var map = PlacementMap(cacheBytes: size)
        var model: [[Held]] = [[], [], []]
        var random = SplitMix(state: 42)
        for _ in 0..<6000 {
            let executor = Int(random.next() % 3)
            // Sometimes a request fails, so its prompt is recorded and taken back. Recording it may have made the map
            // forget the beginnings that were used least recently.
            if random.next() % 8 == 0 {
                let failed = Self.prefix([500, Int(random.next() % 9), 1])
                map.record(failed, at: executor, losses: 0)
                map.takeBack(failed, at: executor, believedBytes: 0)
                while model[executor].reduce(0, { $0 + $1.bytes }) > size - Self.bytes(3) {
                    model[executor].removeFirst()
                }
                guard map.bytesHeld(of: failed, by: executor) == 0 else {
                    Issue.record("a failed prompt is held")
                    return
                }
            }
            let length = Int(random.next() % 6) + 1
            let prompt = (0..<length).map { $0 == 0 ? Int(random.next() % 40) : Int(random.next() % 3) }
            let prefix = Self.prefix(prompt)
            map.record(prefix, at: executor, losses: 0)
            for hash in prefix.hashes.reversed() {
                model[executor].removeAll { $0.hash == hash }
                model[executor].append(Held(hash: hash, bytes: PromptPrefix.step))
            }
            while model[executor].reduce(0, { $0 + $1.bytes }) > size { model[executor].removeFirst() }
            let asked = Self.prefix((0..<4).map { $0 == 0 ? Int(random.next() % 40) : Int(random.next() % 3) })
            for other in 0..<3 {
                let last = asked.hashes.lastIndex { hash in model[other].contains { $0.hash == hash } }
                let expected = last.map { PromptPrefix.bytes(at: $0) } ?? 0
                guard map.bytesHeld(of: asked, by: other) == expected else {
                    Issue.record("\(map.bytesHeld(of: asked, by: other)) in place of \(expected)")
                    return
                }
            }
        }
        #expect(map.count == model.reduce(0) { $0 + $1.count })
    }

    /// The random number generator SplitMix64 (Steele, Lea and Flood, 2014).
    private struct SplitMix {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }
}

extension PlacementMap {
    /// The executors that hold a beginning of this prompt, as `findHolders` finds them.
    func holders(of prefix: PromptPrefix) -> [Match] {
        var found: [Match] = []
        findHolders(of: prefix, &found)
        return found
    }
}

/// A source of memory that grants a fixed number of bytes.
final class CountedMemory: PlacementMemory {
    private let bytes: Mutex<Int>
    var left: Int { bytes.withLock { $0 } }

    init(bytes: Int) { self.bytes = Mutex(bytes) }

    func reservePlacement(_ wanted: Int) -> Bool {
        bytes.withLock { left in
            guard left >= wanted else { return false }
            left -= wanted
            return true
        }
    }

    func release(_ back: Int) { bytes.withLock { $0 += back } }
}
