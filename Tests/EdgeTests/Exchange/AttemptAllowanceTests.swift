import Inference
import Testing
import Transport

@testable import Edge
@testable import Routing

@Suite struct AttemptAllowanceTests {
    private let second: Nanoseconds = 1_000_000_000

    private func failed(_ failure: Failure, hadRequest: Bool = false) throws -> FailedAttempt {
        let pool = try testSnapshot(models: "- {id: m, executors: [{url: 'http://one:1'}]}").models[0].pool
        return FailedAttempt(
            executor: pool.members[0].executor,
            pool: pool,
            placement: Placement(promptBytes: 0),
            failure: failure,
            duration: 1,
            hadRequest: hadRequest
        )
    }

    @Test func sixAttemptsAreAllThereAre() throws {
        var allowance = AttemptAllowance()
        for number in 1...AttemptAllowance.attemptsMax {
            #expect(allowance.hasLeft(after: nil))
            allowance.attemptBegan()
            #expect(allowance.attempts == number)
            allowance.attemptFailed(try failed(Failure(executorStatus: 503)))
        }
        #expect(!allowance.hasLeft(after: Failure(executorStatus: 503)) && !allowance.hasLeft(after: nil))
    }

    @Test func anExecutorThatCouldNotBeReachedHasNotBrokenOff() throws {
        var allowance = AttemptAllowance()
        for _ in 0..<4 { allowance.attemptFailed(try failed(Failure(.executorUnreachable))) }
        #expect(allowance.hasLeft(after: Failure(.executorUnreachable)))
        for _ in 0..<2 { allowance.attemptFailed(try failed(Failure(.executorBrokeOff), hadRequest: true)) }
        #expect(allowance.hasLeft(after: Failure(.executorBrokeOff)))
        allowance.attemptFailed(try failed(Failure(.executorUnreachable), hadRequest: true))
        #expect(!allowance.hasLeft(after: Failure(.executorUnreachable)))
    }

    @Test func twoTimeoutsAreEnough() throws {
        var allowance = AttemptAllowance()
        allowance.attemptFailed(try failed(Failure(.firstEventTimeout)))
        #expect(allowance.hasLeft(after: Failure(.firstEventTimeout)))
        allowance.attemptFailed(try failed(Failure(.firstEventTimeout)))
        #expect(!allowance.hasLeft(after: Failure(.firstEventTimeout)))
    }

    @Test func theTimeOfAllAttemptsHasATotal() throws {
        var allowance = AttemptAllowance()
        #expect(allowance.answerTime(total: 300 * second) == 300 * second)
        #expect(allowance.answerTime(total: 10 * second) == 10 * second)
        var attempt = try failed(Failure(.executorBrokeOff))
        attempt.duration = 200 * second
        allowance.attemptFailed(attempt)
        #expect(allowance.answerTime(total: 300 * second) == 100 * second)
        #expect(allowance.answerTime(total: 10 * second) == 10 * second)
        // An attempt has at least a minute, even if the total is used up, because a shorter attempt would be futile.
        allowance.attemptFailed(attempt)
        #expect(allowance.answerTime(total: 300 * second) == 60 * second)
        #expect(allowance.answerTime(total: 59 * second) == 59 * second)
    }
}
