import HTTP
import Testing

@testable import Edge

@Suite struct RationedWarningsTests {
    @Test func oneASecondOfEachKindIsSaid() {
        var warnings = RationedWarnings()
        #expect(warnings.take(.spoke(.http), at: 100) == 0)
        #expect(warnings.take(.spoke(.http), at: 100) == nil)
        #expect(warnings.take(.spoke(.proxy), at: 100) == 0, "one kind does not keep another back")
        #expect(warnings.take(.spoke(.http), at: 100) == nil)
        #expect(warnings.take(.spoke(.http), at: 101) == 2)
        #expect(warnings.take(.spoke(.http), at: 102) == 0)
    }
}
