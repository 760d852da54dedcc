import Inference
import Testing

@testable import Edge

@Suite struct EndingTests {
    @Test func everyEndingHasItsPlaceAndItsWords() {
        var seen: Set<Int> = [Ending.place(of: .complete)]
        #expect(Ending.labels(at: Ending.place(of: .complete)) == ("complete", ""))
        for kind in Failure.Kind.allCases {
            let failure = Failure(kind)
            let place = Ending.place(of: .failed(failure))
            #expect(seen.insert(place).inserted)
            #expect(place < Ending.places)
            #expect(Ending.labels(at: place) == (failure.label, failure.side.rawValue))
        }
        #expect(Ending.place(of: .clientLeft) == Ending.place(of: .failed(Failure(.clientLeft))))
        // The same kind, and another's fault.
        let place = Ending.place(of: Failure(executorStatus: 400))
        #expect(Ending.labels(at: place) == ("executor_error", "client"))
    }

    @Test func onlyWhatIsNotTheClientsIsAWarning() {
        #expect(ExchangeMachine.End.complete.priority == .information)
        #expect(ExchangeMachine.End.clientLeft.priority == .information)
        #expect(ExchangeMachine.End.failed(Failure(.modelNotFound)).priority == .information)
        #expect(ExchangeMachine.End.failed(Failure(.executorBrokeOff)).priority == .warning)
        #expect(ExchangeMachine.End.failed(Failure(.memory)).priority == .warning)
    }
}
