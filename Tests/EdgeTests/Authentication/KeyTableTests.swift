import Glibc
import Routing
import Testing
import Transport

@testable import Edge

@Suite struct KeyTableTests {
    private let hash = HMACSHA256(secret: Array("0123456789abcdef0123456789abcdef".utf8))

    private func key(_ id: String) -> AccessKey { AccessKey(id: id, hash: hash("fi-\(id)".utf8), tenant: "t") }

    @Test func aTableThatReplacesAnotherGoesOnWithItsUse() throws {
        let first = KeyTable(hash: hash)
        #expect(first.current.all.isEmpty)
        first.publish([key("a"), key("b")], at: 1)
        let use = try #require(first.current.find(hash("fi-a".utf8), at: 0)).use
        // The store has a new secret, so the hashes differ; the same id is still the same key.
        let other = HMACSHA256(secret: Array("fedcba9876543210fedcba9876543210".utf8))
        let second = KeyTable(hash: other, after: first)
        second.publish([AccessKey(id: "a", hash: other("fi-new".utf8), tenant: "t")], at: 2)
        #expect(second.current.all.map(\.key.id) == ["a"])
        #expect(try #require(second.current.find(other("fi-new".utf8), at: 0)).use === use)
        #expect(first.current.all.count == 2, "the earlier table stays as it was")
    }

    /// Two processes share the counts of a key that is added later, too, so its limits apply to their requests
    /// together.
    @Test func keysThatAreAddedLaterAreShared() throws {
        let one = try SharedCounts.create(rows: 64)
        let column = try #require(one.allot())
        let two = try SharedCounts.adopt(dup(one.descriptor), column: column)
        let tables = [KeyTable(hash: hash), KeyTable(hash: hash)]
        for (table, counts) in zip(tables, [one, two]) {
            table.publish([key("a")], at: 1)
            table.share(in: counts)
            table.publish([key("a"), key("b")], at: 2)
        }
        for id in ["a", "b"] {
            let uses = try tables.map { try #require($0.current.find(hash("fi-\(id)".utf8), at: 0)).use }
            #expect(uses[0].begin(KeyLimits(concurrency: 1), at: 3) == nil)
            #expect(uses[1].begin(KeyLimits(concurrency: 1), at: 3) == .concurrency)
            uses[0].ended()
            #expect(uses[1].begin(KeyLimits(concurrency: 1), at: 3) == nil)
        }
    }
}
