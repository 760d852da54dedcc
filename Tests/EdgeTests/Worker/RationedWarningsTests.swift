import Testing

@testable import Edge

@Suite struct RationedWarningsTests {
    @Test func oneASecondOfEachKindIsSaid() {
        var warnings = RationedWarnings()
        #expect(warnings.take(.httpOnTLS, at: 100) == 0)
        #expect(warnings.take(.httpOnTLS, at: 100) == nil)
        #expect(warnings.take(.proxyHeader, at: 100) == 0, "one kind does not keep another back")
        #expect(warnings.take(.httpOnTLS, at: 100) == nil)
        #expect(warnings.take(.httpOnTLS, at: 101) == 2)
        #expect(warnings.take(.httpOnTLS, at: 102) == 0)
    }
}
