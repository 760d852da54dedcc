import Inference
import Testing

@testable import Edge

@Suite struct EndingTests {
    @Test func everyEndingHasItsIndexAndItsLabels() {
        var seen: Set<Int> = [Ending.index(of: .complete)]
        #expect(Ending.labels(at: Ending.index(of: .complete)) == ("complete", ""))
        for kind in Failure.Kind.allCases {
            let failure = Failure(kind)
            let index = Ending.index(of: .failed(failure))
            #expect(seen.insert(index).inserted)
            #expect(index < Ending.count)
            #expect(Ending.labels(at: index) == (failure.label, failure.side.rawValue))
        }
        #expect(Ending.index(of: .clientLeft) == Ending.index(of: .failed(Failure(.clientLeft))))
        // An executor's error with status 400 has the same label as other executor errors, but is the client's fault.
        let index = Ending.index(of: Failure(executorStatus: 400))
        #expect(Ending.labels(at: index) == ("executor_error", "client"))
    }
}
