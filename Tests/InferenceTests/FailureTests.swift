// The consequences of a failure: whether the request is retried, whether the failure counts against the executor's
// health, and the message for the client.

import Inference
import Testing

@Suite struct FailureTests {
    /// After a failure of the executor, another executor may try; after a failure that the request causes, no other
    /// does.
    @Test func sayWhetherAnotherExecutorMayTry() {
        for kind in [Failure.Kind.executorUnreachable, .executorCertificate, .executorBrokeOff, .executorProtocol] {
            #expect(Failure(kind).retry == .elsewhere)
        }
        #expect(Failure(.firstEventTimeout).retry == .withinBudget)
        for status in [429, 502, 503, 504] { #expect(Failure(executorStatus: status).retry == .withinBudget) }
        for status in [400, 408, 413, 422, 501] { #expect(Failure(executorStatus: status).retry == .never) }
        #expect(Failure(executorStatus: 401).retry == .elsewhere && Failure(executorStatus: 500).retry == .once)
        for kind in [Failure.Kind.responseTimeout, .stall, .memory, .overloaded, .draining, .queueFull] {
            #expect(Failure(kind).retry == .never)
        }
    }

    @Test func saysWhatItsExecutorIsChargedWith() {
        for kind in [Failure.Kind.executorUnreachable, .executorCertificate, .executorBrokeOff, .executorProtocol] {
            #expect(Failure(kind).charge == .connection)
        }
        for kind in [Failure.Kind.firstEventTimeout, .responseTimeout, .stall] {
            #expect(Failure(kind).charge == .timeout)
        }
        for kind in [Failure.Kind.clientLeft, .memory, .draining, .queueFull, .invalidJSON] {
            #expect(Failure(kind).charge == .none)
        }
        #expect(Failure(executorStatus: 429).charge == .busy && Failure(executorStatus: 503).charge == .answer)
        #expect(Failure(executorStatus: 500).charge == .suspect && Failure(executorStatus: 400).charge == .none)
    }

    @Test func passesWhatTheClientCausedAndRedactsTheRest() {
        func failure(_ error: EngineError) -> Failure { error.classified(in: .openAIChat) }
        let own = failure(EngineError(namedStatus: 400, message: "context too long"))
        #expect(own.status == 400 && own.message == "context too long")
        #expect(own.side == .client && own.retry == .never)
        let full = failure(EngineError(namedStatus: 503, message: "queue at 10.0.0.5 is full"))
        #expect(full.status == 503 && !full.message.contains("10.0.0.5"))
        #expect(full.side == .executor && full.retry == .withinBudget)
        let inner = failure(EngineError(status: 500, message: "CUDA error on 10.0.0.5"))
        #expect(inner.status == 500 && !inner.message.contains("CUDA") && inner.side == .executor)
        let credential = failure(EngineError(status: 403, message: "the key of 10.0.0.5"))
        #expect(!credential.message.contains("10.0.0.5"))
        #expect(failure(EngineError()).status == 502)
    }
}
