// Tests how the errors of a failed health probe are told apart: nothing listens at the engine's address, or the engine
// is slow or cannot be reached.
import Glibc
import HTTP
import Routing
import Testing
import Transport

@testable import Edge

@Suite struct ProbeLossTests {
    @Test(arguments: [ECONNREFUSED, ECONNRESET, EPIPE, ENOENT]) func nobodyListensThere(code: CInt) {
        let loss = ProbeLoss(.unreachable(SystemError("connect", code)))
        #expect(loss.isRefusal && loss.probe == .failed)
    }

    @Test(arguments: [EHOSTUNREACH, ENETUNREACH, ETIMEDOUT, EMFILE]) func anotherHindranceSaysLess(code: CInt) {
        let loss = ProbeLoss(.unreachable(SystemError("connect", code)))
        #expect(!loss.isRefusal && loss.probe == .timedOut)
    }

    @Test func aConnectionThatWasClosedIsARefusal() {
        let loss = ProbeLoss(.closedBeforeHead)
        #expect(loss.isRefusal && loss.probe == .failed && !loss.text.isEmpty)
    }

    @Test func aConnectionThatDoesNotComeIsSlow() {
        let loss = ProbeLoss(.connectTimeout)
        #expect(!loss.isRefusal && loss.probe == .timedOut && !loss.text.isEmpty)
    }
}
