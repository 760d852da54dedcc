import Inference
import LoopTesting
import Testing

@testable import Edge

private let broke = Failure(.executorBrokeOff)

@Suite struct ExchangeMachineTests {
    /// A new state machine of an exchange that has handled these events.
    private func machine(after events: [ExchangeMachine.Event]) -> ExchangeMachine {
        var machine = ExchangeMachine()
        for event in events { _ = machine.handle(event) }
        return machine
    }
    private let attempting: [ExchangeMachine.Event] = [.routed]
    private var silent: [ExchangeMachine.Event] { attempting + [.deadlinePassed(.commit)] }
    private var relaying: [ExchangeMachine.Event] { attempting + [.answerReady] }

    @Test func anAttemptIsFollowedByAnotherUntilTheFirstEvent() {
        var machine = ExchangeMachine()
        #expect(!machine.mayRetry, "nothing has been tried")
        _ = machine.handle(.routed)
        #expect(machine.mayRetry && machine.handle(.routed) == [.startAttempt])
        _ = machine.handle(.deadlinePassed(.commit))
        #expect(machine.phase == .waiting && machine.handle(.routed) == [.startAttempt])
        _ = machine.handle(.answerReady)
        #expect(machine.phase == .relay && !machine.mayRetry && machine.handle(.routed).isEmpty)
    }

    /// While a request waits because the model is loading, the deadline `commit_after` may pass.
    ///
    /// The edge then sends the head of the response and keep-alive comments, and the request goes on waiting.
    @Test func aWaitForAModelThatLoadsIsCommitted() {
        var machine = machine(after: attempting)
        _ = machine.handle(.queued)
        #expect(machine.handle(.deadlinePassed(.commit)) == [.commitSilently, .sendKeepAlive])
        #expect(machine.phase == .waitingInQueue && machine.isWaiting)
        #expect(machine.handle(.deadlinePassed(.keepAlive)) == [.sendKeepAlive])
        #expect(machine.handle(.routed) == [.startAttempt] && machine.phase == .waiting)
    }

    @Test func aWaitIsSilentAfterSilenceOnly() {
        var machine = machine(after: attempting)
        #expect(machine.handle(.queued) == [] && machine.phase == .queued && machine.isWaiting)
        #expect(machine.handle(.routed) == [.startAttempt] && machine.phase == .attempt)
        _ = machine.handle(.deadlinePassed(.commit))
        #expect(machine.handle(.queued) == [] && machine.phase == .waitingInQueue && machine.isWaiting)
        #expect(machine.handle(.deadlinePassed(.keepAlive)) == [.sendKeepAlive])
        #expect(machine.handle(.routed) == [.startAttempt] && machine.phase == .waiting)
    }

    @Test func aStreamGoesThroughItsPhasesToItsEnd() {
        var machine = ExchangeMachine()
        #expect(machine.handle(.routed) == [.startAttempt])
        #expect(machine.handle(.answerReady) == [.commit])
        #expect(machine.handle(.complete) == [.finish])
        #expect(machine.handle(.executorBroke(broke)) == [])
        #expect(machine.handle(.responseTaken) == [.end(.complete)])
        #expect(machine.phase == .ended)
    }

    @Test func aRefusalIsAStatusBeforeAnythingIsSent() {
        let failure = Failure(.missingModel)
        var machine = ExchangeMachine()
        #expect(machine.handle(.refused(failure)) == [.answer(failure)])
        #expect(machine.handle(.responseTaken) == [.end(.failed(failure))])
    }

    @Test func aFailedAttemptIsAStatusUntilTheCommit() {
        var machine = machine(after: attempting)
        #expect(machine.handle(.refused(broke)) == [.abortAttempt, .answer(broke)])
    }

    @Test func afterTheCommitAFailureIsToldInTheStream() {
        var machine = machine(after: relaying)
        #expect(
            machine.handle(.executorBroke(broke))
                == [.abortAttempt, .breakOff(broke), .end(.failed(broke))]
        )
        #expect(machine.phase == .ended)
    }

    @Test func silenceCommitsAndHasCommentsBeforeTheFirstEventAndAfterIt() {
        var machine = machine(after: attempting)
        #expect(machine.handle(.deadlinePassed(.commit)) == [.commitSilently, .sendKeepAlive])
        #expect(machine.handle(.deadlinePassed(.keepAlive)) == [.sendKeepAlive])
        #expect(machine.handle(.answerReady) == [])
        #expect(machine.phase == .relay)
        #expect(machine.handle(.deadlinePassed(.keepAlive)) == [.sendKeepAlive])
        #expect(machine.handle(.complete) == [.finish])
        #expect(machine.handle(.deadlinePassed(.keepAlive)) == [])
    }

    @Test func afterSilenceAFailureIsToldInTheStream() {
        var machine = machine(after: silent)
        #expect(
            machine.handle(.refused(broke))
                == [.abortAttempt, .breakOff(broke), .end(.failed(broke))]
        )
    }

    @Test func anAnswerThatDoesNotComeInTimeIsToldAlsoAfterSilence() {
        let late = Failure(.responseTimeout)
        var attempt = machine(after: attempting)
        #expect(attempt.handle(.deadlinePassed(.response)) == [.abortAttempt, .answer(late)])
        var silent = machine(after: self.silent)
        #expect(
            silent.handle(.deadlinePassed(.response)) == [.abortAttempt, .breakOff(late), .end(.failed(late))]
        )
    }

    @Test func aClientThatLeavesBeforeAnAttemptEndsIt() {
        var machine = ExchangeMachine()
        #expect(machine.handle(.clientLeft) == [.end(.clientLeft)])
        #expect(machine.handle(.clientLeft) == [])
    }

    @Test func aClientThatLeavesDuringAnAttemptAbortsIt() {
        for events in [attempting, silent, relaying] {
            var machine = machine(after: events)
            #expect(machine.handle(.clientLeft) == [.abortAttempt, .end(.clientLeft)])
            #expect(machine.handle(.executorBroke(broke)) == [])
        }
    }

    @Test func aClientThatWeCutIsToldAsSuch() {
        let cut = Failure.clientViolation("HTTP/2: too many resets of streams")
        var machine = machine(after: relaying)
        #expect(machine.handle(.clientCut(cut)) == [.abortAttempt, .end(.failed(cut))])
        var told = self.machine(after: attempting + [.refused(broke)])
        #expect(told.handle(.clientCut(cut)) == [.end(.failed(broke))], "the failure that was being told")
    }

    @Test func aClientThatLeavesAfterTheEndAbortsNothing() {
        var machine = machine(after: relaying + [.complete])
        #expect(machine.handle(.clientLeft) == [.end(.clientLeft)])
    }

    @Test func deadlinesAreHeardOnlyInTheirPhases() {
        let all = ExchangeMachine.DeadlineKind.allCases
        let heard: [(events: [ExchangeMachine.Event], kinds: [ExchangeMachine.DeadlineKind])] = [
            ([], [.body]), (attempting, [.response, .commit]), (silent, [.response, .keepAlive]),
            (relaying, [.stall, .clientStall, .keepAlive]), (relaying + [.complete], [.clientStall]),
        ]
        for (events, kinds) in heard {
            for kind in all {
                var machine = machine(after: events)
                #expect(
                    machine.handle(.deadlinePassed(kind)).isEmpty == !kinds.contains(kind),
                    "\(kind) after \(events)"
                )
            }
        }
    }

    @Test func aClientThatDoesNotReadIsCut() {
        let stalled = Failure(.clientStalled)
        var relay = machine(after: relaying)
        #expect(
            relay.handle(.deadlinePassed(.clientStall))
                == [.abortAttempt, .cutClient, .end(.failed(stalled))]
        )
        var finishing = machine(after: relaying + [.complete])
        #expect(finishing.handle(.deadlinePassed(.clientStall)) == [.cutClient, .end(.failed(stalled))])
    }

    @Test func theEndOfDrainingIsAStatusOrInBand() {
        let draining = Failure(.draining)
        var waiting = machine(after: attempting)
        #expect(waiting.handle(.drainExpired) == [.abortAttempt, .answer(draining)])
        var relay = machine(after: relaying)
        #expect(
            relay.handle(.drainExpired)
                == [.abortAttempt, .breakOff(draining), .end(.failed(draining))]
        )
    }

    /// Whatever events an exchange gets, it sends at most one status, ends at most once, and does nothing after its
    /// end.
    @Test func randomEventsNeverEndTwice() {
        var generator = SplitMix(state: 42)
        let events: [ExchangeMachine.Event] = [
            .routed, .queued, .refused(broke), .answerReady, .complete, .clientLeft,
            .clientCut(.clientViolation("HTTP/2")), .executorBroke(broke), .responseTaken,
            .deadlinePassed(.body), .deadlinePassed(.response), .deadlinePassed(.commit), .deadlinePassed(.keepAlive),
            .deadlinePassed(.stall), .deadlinePassed(.clientStall), .drainExpired,
        ]
        for _ in 0..<20_000 {
            var machine = ExchangeMachine()
            var heads = 0
            var ends = 0
            var bodiesEnded = 0
            for _ in 0..<12 {
                for action in machine.handle(events.randomElement(using: &generator)!) {
                    #expect(ends == 0, "\(action) after the end")
                    switch action {
                    case .commit, .commitSilently, .answer: heads += 1
                    case .finish, .breakOff, .cutClient: bodiesEnded += 1
                    case .end: ends += 1
                    default: break
                    }
                }
            }
            #expect(heads <= 1)
            #expect(ends <= 1)
            #expect(bodiesEnded <= 2)
        }
    }
}
