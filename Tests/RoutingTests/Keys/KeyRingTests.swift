import Glibc
import Testing
import Transport

@testable import Routing

@Suite struct KeyRingTests {
    private let hash = HMACSHA256(secret: Array("0123456789abcdef0123456789abcdef".utf8))

    private func key(_ id: String, of text: String, expires: Int? = nil) -> AccessKey {
        AccessKey(id: id, hash: hash(text.utf8), tenant: "t", expires: expires)
    }

    @Test func findsWhatIsInForceAndNothingElse() {
        let ring = KeyRing([key("a", of: "fi-a"), key("b", of: "fi-b", expires: 100)])
        #expect(ring.find(hash("fi-a".utf8), at: 1000)?.key.id == "a")
        #expect(ring.find(hash("fi-b".utf8), at: 99)?.key.id == "b")
        #expect(ring.find(hash("fi-b".utf8), at: 100) == nil)
        #expect(ring.find(hash("fi-c".utf8), at: 0) == nil)
        #expect(ring.find(hash("".utf8), at: 0) == nil)
        #expect(KeyRing().find(hash("fi-a".utf8), at: 0) == nil)
    }

    /// The table's index uses only the first eight bytes of a hash; `find` compares all of them.
    @Test func hashesThatBeginAlikeAreToldApart() {
        var one = key("one", of: "x"), two = key("two", of: "x")
        one.hash[31] ^= 1
        two.hash[8] ^= 1
        let ring = KeyRing([one, two])
        #expect(ring.find(one.hash, at: 0)?.key.id == "one")
        #expect(ring.find(two.hash, at: 0)?.key.id == "two")
        #expect(ring.find(hash("x".utf8), at: 0) == nil)
    }

    @Test func whatAKeyUsesOutlivesTheSnapshot() throws {
        let first = KeyRing([key("a", of: "1"), key("b", of: "2")])
        let use = try #require(first.find(hash("1".utf8), at: 0)).use
        // A key that keeps its id and gets another secret keeps its usage counts.
        let second = KeyRing([key("a", of: "3")], after: first)
        #expect(try #require(second.find(hash("3".utf8), at: 0)).use === use)
        #expect(second.find(hash("1".utf8), at: 0) == nil)
        #expect(second.all.count == 1)
    }

    /// The key may be absent for a moment: while an editor rewrites the file, or between two edits by an operator.
    @Test func whatAKeyUsesOutlivesItsAbsence() throws {
        let limits = KeyLimits(concurrency: 2, requestsPerMinute: 3)
        let first = KeyRing([key("a", of: "1")], at: 0)
        let use = try #require(first.find(hash("1".utf8), at: 0)).use
        for _ in 0..<2 { #expect(use.begin(limits, at: 0) == nil) }
        let without = KeyRing([key("b", of: "2")], after: first, at: 1)
        #expect(without.find(hash("1".utf8), at: 0) == nil && without.departedCount == 1)
        let still = KeyRing([], after: without, at: 2)
        let back = try #require(KeyRing([key("a", of: "1")], after: still, at: 3).find(hash("1".utf8), at: 0))
        #expect(back.use === use && back.use.begin(limits, at: 3) == .concurrency)
        // A key with another id and the same secret belongs to the same bearer, so it keeps its usage.
        let renamed = KeyRing([key("c", of: "1")], after: still, at: 3)
        #expect(try #require(renamed.find(hash("1".utf8), at: 0)).use === use)
        #expect(renamed.departedCount == 1, "that of b")
    }

    @Test func twoKeysNeverShareWhatOneUses() throws {
        let first = KeyRing([key("a", of: "1")])
        let use = try #require(first.find(hash("1".utf8), at: 0)).use
        // The secret of `a` moves to the id `b`, and `a` gets a new secret. The usage counts stay with the secret.
        let second = KeyRing([key("a", of: "2"), key("b", of: "1")], after: first)
        #expect(try #require(second.find(hash("1".utf8), at: 0)).use === use)
        #expect(try #require(second.find(hash("2".utf8), at: 0)).use !== use)
    }

    @Test func whatNobodyUsesIsForgottenAfterAWhile() throws {
        let minute: Nanoseconds = 60_000_000_000
        let first = KeyRing([key("a", of: "1"), key("b", of: "2")], at: 0)
        let running = try #require(first.find(hash("1".utf8), at: 0)).use
        #expect(running.begin(KeyLimits(concurrency: 1), at: 0) == nil)
        let without = KeyRing([], after: first, at: minute)
        #expect(without.departedCount == 2)
        #expect(KeyRing([], after: without, at: 3 * minute - 1).departedCount == 2)
        let later = KeyRing([], after: without, at: 3 * minute)
        #expect(later.departedCount == 1, "what still runs counts as long as it does")
        running.ended()
        #expect(KeyRing([], after: later, at: 4 * minute).departedCount == 0)
    }

    // MARK: Other processes

    @Test func eachKeyHasItsRow() throws {
        let one = try SharedCounts.create(rows: 256)
        let column = try #require(one.allot())
        let two = try SharedCounts.adopt(dup(one.descriptor), column: column)
        let first = KeyRing([key("a", of: "1"), key("b", of: "2")], at: 0)
        for text in ["1", "2", "2"] {
            let use = try #require(first.find(hash(text.utf8), at: 0)).use
            #expect(use.begin(KeyLimits(), at: 0) == nil)
        }
        first.share(in: one)
        #expect(two.row(for: "key\0a")?.others == 1 && two.row(for: "key\0b")?.others == 2)
        // Two keys exchange their ids.
        let swapped = KeyRing([key("b", of: "1"), key("a", of: "2")], after: first, at: 0)
        swapped.share(in: one)
        #expect(two.row(for: "key\0a")?.others == 2 && two.row(for: "key\0b")?.others == 1)
        // The key with hash 1 is removed while its request runs. It is counted in a row of its own, because another key
        // has its id now.
        let without = KeyRing([key("b", of: "2")], after: swapped, at: 0)
        without.share(in: one)
        #expect(two.row(for: "key\0b")?.others == 2 && two.row(for: "key\0a")?.others == 0)
        let gone = "key\0b\0" + Hexadecimal.text(hash("1".utf8))
        #expect(two.row(for: gone)?.others == 1)
        without.share(in: nil)
        #expect(two.row(for: "key\0b")?.others == 0 && two.row(for: gone)?.others == 0)
    }
}
