// The properties of each kind of failure.

import Inference
import Testing

@Suite struct FailureKindTests {
    @Test(arguments: Failure.Kind.allCases) func everyKindHasItsRow(kind: Failure.Kind) {
        let failure = Failure(kind)
        #expect((400...599).contains(failure.status))
        #expect(failure.message.hasSuffix("."))
        #expect(failure.label.allSatisfy { $0.isLowercase || $0 == "_" })
        if failure.side == .client { #expect(failure.retry == .never && failure.status != 502) }
        if failure.side == .executor { #expect(failure.status >= 502) }
        #expect(Failure.Kind.allCases.count { $0.label == kind.label } == 1)
    }
}
