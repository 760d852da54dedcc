import Testing

@testable import Transport

@Suite struct HMACSHA256Tests {
    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// Checks test cases 2 and 6 of RFC 4231.
    @Test func isHMACWithSHA256() {
        #expect(
            hex(HMACSHA256(secret: Array("Jefe".utf8))("what do ya want for nothing?".utf8))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        )
        #expect(
            hex(
                HMACSHA256(secret: [UInt8](repeating: 0xaa, count: 131))(
                    "Test Using Larger Than Block-Size Key - Hash Key First".utf8
                )
            ) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        )
    }

    @Test func nothingHasAHashToo() {
        let none = HMACSHA256(secret: Array("Jefe".utf8))([UInt8]())
        #expect(none.count == 32 && none == HMACSHA256(secret: Array("Jefe".utf8))([UInt8]()))
        #expect(HMACSHA256(secret: [])("a".utf8) != HMACSHA256(secret: [1])("a".utf8))
    }

    @Test func oneHashLeavesNothingForTheNext() {
        let hash = HMACSHA256(secret: Array("Jefe".utf8))
        let hasher = HMACSHA256Hasher(hash)
        for text in ["what do ya want for nothing?", "something else", "", "what do ya want for nothing?"] {
            let bytes = Array(text.utf8)
            let hashed = hasher.hash(bytes.span)
            #expect(hashed == hash(bytes))
        }
    }

    @Test func comparesWholeHashes() {
        let hash = HMACSHA256(secret: [1, 2, 3])("key".utf8)
        #expect(HMACSHA256.isEqual(hash, hash))
        for place in [0, 15, 31] {
            var other = hash
            other[place] ^= 0x80
            #expect(!HMACSHA256.isEqual(hash, other))
        }
        #expect(!HMACSHA256.isEqual(hash, Array(hash.dropLast())))
        #expect(HMACSHA256.isEqual([], []))
    }
}
