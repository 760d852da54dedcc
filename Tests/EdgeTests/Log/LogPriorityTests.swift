import Inference
import Testing

@testable import Edge

@Suite struct LogPriorityTests {
    @Test func onlyWhatIsNotTheClientsIsAWarning() {
        #expect(ExchangeMachine.End.complete.priority == .information)
        #expect(ExchangeMachine.End.clientLeft.priority == .information)
        #expect(ExchangeMachine.End.failed(Failure(.modelNotFound)).priority == .information)
        #expect(ExchangeMachine.End.failed(Failure(.executorBrokeOff)).priority == .warning)
        #expect(ExchangeMachine.End.failed(Failure(.memory)).priority == .warning)
    }
}
