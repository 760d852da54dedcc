// The format of a key's secret, and the time of its expiry.
import Testing
import Transport

@testable import Routing

@Suite struct AccessKeyTests {
    @Test func aKeyIsThePrefixAnd32RandomBytes() {
        let keys = (0..<200).map { _ in AccessKey.makeSecretText() }
        #expect(Set(keys).count == 200)
        for key in keys {
            #expect(key.utf8.count == 3 + 43 && key.hasPrefix("fi-"))
            #expect(key.dropFirst(3).allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) })
        }
        // 256 bits in base64url are 43 characters. The last one carries 4 bits, so it has 16 values.
        let last = Set(keys.compactMap(\.last))
        #expect(last.count == 16)
        #expect(Set((0..<200).map { _ in AccessKey.makeID() }).count == 200)
    }

    @Test func aKeyIsGoodUntilTheSecondOfItsEnd() {
        let key = AccessKey(id: "1", hash: [], tenant: "t", expires: 1000)
        #expect(!key.isExpired(at: 999) && key.isExpired(at: 1000) && key.isExpired(at: 1001))
        #expect(!AccessKey(id: "1", hash: [], tenant: "t").isExpired(at: .max))
    }
}
