// The known name that a misspelt name most resembles.

import Testing

@testable import Configuration

@Suite struct NearestKeyTests {
    @Test func aNameWithFewEditsIsFound() {
        #expect(NearestKey.nearest(to: "idel", among: ["idle", "body"]) == "idle")
        #expect(NearestKey.nearest(to: "xyz", among: ["url"]) == nil)
        #expect(NearestKey.distance(Array("stall".utf8), Array("tsall".utf8)) == 1)
        #expect(NearestKey.distance([], Array("abc".utf8)) == 3)
    }

    /// Pairs of short names of few letters, which are the same in each run.
    private static let pairs: [([UInt8], [UInt8])] = {
        var state: UInt64 = 1
        func name() -> [UInt8] {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            var bits = state >> 20
            let count = Int(bits % 9)
            return (0..<count).map { _ in
                bits /= 3
                return UInt8(ascii: "a") + UInt8(bits % 3)
            }
        }
        return (0..<2000).map { _ in (name(), name()) }
    }()

    @Test(arguments: 0..<5) func aLimitChangesNoDistanceWithinIt(most: Int) {
        for (one, other) in Self.pairs {
            let distance = NearestKey.distance(one, other)
            let limited = NearestKey.distance(one, other, most: most)
            #expect(distance <= most ? limited == distance : limited > most, "\(one) \(other)")
            #expect(distance == NearestKey.distance(other, one))
        }
    }

    @Test func namesOfOtherLengthsAreFoundWithinTheLimit() {
        #expect(NearestKey.nearest(to: "healt", among: ["/v1/models", "health"], distanceMax: 2) == "health")
        #expect(NearestKey.nearest(to: "heal", among: ["health"], distanceMax: 2) == "health")
        #expect(NearestKey.nearest(to: "hea", among: ["health"], distanceMax: 2) == nil)
    }
}
