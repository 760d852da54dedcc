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
}
