import Testing
import Transport

@testable import Routing

@Suite struct KeyRingTests {
    private let hash = KeyedHash(secret: Array("0123456789abcdef0123456789abcdef".utf8))

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

    /// The place in the table is the first eight bytes only.
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
        // The same key by its id, under another hash.
        let second = KeyRing([key("a", of: "3")], after: first)
        #expect(try #require(second.find(hash("3".utf8), at: 0)).use === use)
        #expect(second.find(hash("1".utf8), at: 0) == nil)
        #expect(second.all.count == 1)
    }

    @Test func aKeyIsThePrefixAnd32RandomBytes() {
        let keys = (0..<200).map { _ in AccessKey.makeSecretText() }
        #expect(Set(keys).count == 200)
        for key in keys {
            #expect(key.utf8.count == 3 + 43 && key.hasPrefix("fi-"))
            #expect(key.dropFirst(3).allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) })
        }
        // The last of 43 characters has four bits of the last byte, and two that are always 0.
        let last = Set(keys.compactMap(\.last))
        #expect(last.count == 16)
        #expect(Set((0..<200).map { _ in AccessKey.makeID() }).count == 200)
    }

    @Test func hexadecimalGoesBothWays() {
        #expect(Hexadecimal.text([0, 0x1f, 0xff]) == "001fff")
        #expect(Hexadecimal.bytes("001FfF") == [0, 0x1f, 0xff])
        for bad in ["0", "0g", "+1", " 1", "é1"] { #expect(Hexadecimal.bytes(bad) == nil) }
    }
}
