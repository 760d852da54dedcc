import Configuration
import Testing
import Transport

@testable import Edge

@Suite struct AddressShardTests {
    private func group(_ number: Int) throws -> AddressGroup {
        let address = try #require(SocketAddress(numeric: "10.0.\(number >> 8).\(number & 255)", port: 1))
        return try #require(AddressGroup(address))
    }

    /// Finds or makes the entry of a group of addresses, and returns its index; nil if no entry can be replaced.
    private func find(_ number: Int, in shard: inout AddressShard, at now: Nanoseconds = 0) throws -> Int? {
        let group = try group(number)
        return shard.index(of: group, at: now)
    }

    private func hold(_ index: Int?, in shard: inout AddressShard) throws {
        let index = try #require(index)
        let refusal = shard.with(index) { $0.take(.request, limits: AddressLimits(), scale: 1, at: 0) }
        #expect(refusal == nil)
    }

    @Test func aFloodOfGroupsReplacesOnlyEntriesThatHoldNothing() throws {
        var shard = AddressShard(capacity: 32)
        let held = try (0..<8).map { try find($0, in: &shard) }
        for index in held { try hold(index, in: &shard) }
        for number in 100..<5000 {
            let index = try find(number, in: &shard)
            #expect(index != nil)
        }
        #expect(shard.entries.count == 32)
        for number in 0..<8 {
            let index = try find(number, in: &shard)
            #expect(index == held[number])
            #expect(try shard.entry(of: group(number))?.held.streams == 1)
        }
    }

    @Test func aFullShardOfHeldEntriesTakesNoFurtherGroup() throws {
        var shard = AddressShard(capacity: 4)
        for number in 0..<4 { try hold(find(number, in: &shard), in: &shard) }
        let none = try find(4, in: &shard)
        #expect(none == nil)
        let first = try #require(try find(0, in: &shard))
        shard.with(first) { $0.release(AddressHoldings(.request)) }
        let next = try find(4, in: &shard)
        #expect(next == first)
        #expect(try shard.entry(of: group(0)) == nil)
        #expect(try shard.entry(of: group(4))?.isHeld == false)
    }

    @Test func anEntryThatIsUsedIsReplacedAfterThoseThatAreNot() throws {
        var shard = AddressShard(capacity: 8)
        for number in 0..<8 { _ = try find(number, in: &shard) }
        // Entries that were used lately are marked. This search for an entry to replace finds all entries marked,
        // clears the marks, and replaces the first entry.
        _ = try find(100, in: &shard)
        let used = try #require(try find(1, in: &shard))
        try hold(used, in: &shard)
        shard.with(used) { $0.release(AddressHoldings(.request)) }
        for number in 101..<107 { _ = try find(number, in: &shard) }
        #expect(try shard.entry(of: group(1)) != nil)
    }

    @Test func theEntryOfAKnownAddressIsReplacedLast() throws {
        var shard = AddressShard(capacity: 4)
        let known = try #require(try find(0, in: &shard))
        shard.with(known) { $0.noteKnown(at: 0) }
        for number in 1..<100 {
            let index = try find(number, in: &shard, at: 1)
            #expect(index != nil && index != known)
        }
        #expect(try shard.entry(of: group(0))?.isKnown(at: 1) == true)
        for number in 97..<100 { try hold(find(number, in: &shard, at: 1), in: &shard) }
        let last = try find(100, in: &shard, at: 1)
        #expect(last == known, "there is no other entry that holds nothing")
        #expect(shard.entries[known].isKnown(at: 1) == false)
    }
}
