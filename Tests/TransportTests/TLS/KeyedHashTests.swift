import Testing

@testable import Transport

@Suite struct KeyedHashTests {
    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// RFC 4231, cases 2 and 6.
    @Test func isHMACWithSHA256() {
        #expect(
            hex(KeyedHash(secret: Array("Jefe".utf8))("what do ya want for nothing?".utf8))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        )
        #expect(
            hex(
                KeyedHash(secret: [UInt8](repeating: 0xaa, count: 131))(
                    "Test Using Larger Than Block-Size Key - Hash Key First".utf8
                )
            ) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        )
    }

    @Test func nothingHasAHashToo() {
        let none = KeyedHash(secret: Array("Jefe".utf8))([UInt8]())
        #expect(none.count == 32 && none == KeyedHash(secret: Array("Jefe".utf8))([UInt8]()))
        #expect(KeyedHash(secret: [])("a".utf8) != KeyedHash(secret: [1])("a".utf8))
    }

    @Test func oneHashLeavesNothingForTheNext() {
        let hash = KeyedHash(secret: Array("Jefe".utf8))
        let hasher = KeyedHasher(hash)
        for text in ["what do ya want for nothing?", "something else", "", "what do ya want for nothing?"] {
            let bytes = Array(text.utf8)
            let hashed = hasher.hash(bytes.span)
            #expect(hashed == hash(bytes))
        }
    }

    @Test func comparesWholeHashes() {
        let hash = KeyedHash(secret: [1, 2, 3])("key".utf8)
        #expect(KeyedHash.isEqual(hash, hash))
        for place in [0, 15, 31] {
            var other = hash
            other[place] ^= 0x80
            #expect(!KeyedHash.isEqual(hash, other))
        }
        #expect(!KeyedHash.isEqual(hash, Array(hash.dropLast())))
        #expect(KeyedHash.isEqual([], []))
    }
}
