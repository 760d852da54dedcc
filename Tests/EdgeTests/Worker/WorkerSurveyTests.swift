import LoopTesting
import Testing
import Transport

@testable import Edge

/// Questions that the control thread posts to the mailboxes of all workers.
///
/// No worker runs: the test reads the mailboxes, and answers.
@Suite struct WorkerSurveyTests {
    private let test = TestLoop()
    private let workers = (0..<3).map { _ in WorkerHandle() }

    /// The numbers of the questions in a worker's mailbox.
    private func asked(_ worker: Int) -> [Int] {
        workers[worker].mailbox.takeAll().compactMap { message in
            if case .ask(let number, _) = message { return number }
            return nil
        }
    }

    private final class Answers {
        var given: [Int: Int] = [:]
        var silent: Int?
    }

    private func ask(_ survey: WorkerSurvey) -> Answers {
        let answers = Answers()
        survey.ask(
            { _ in 0 },
            answered: { worker, answer in answers.given[worker] = answer },
            finished: { silent in answers.silent = silent }
        )
        return answers
    }

    @Test func allAnswer() {
        let survey = WorkerSurvey(loop: test.loop, workers: workers)
        let (first, second) = (ask(survey), ask(survey))
        for worker in workers.indices {
            #expect(asked(worker) == [1, 2])
            for number in [2, 1] { survey.answered(worker: worker, number: number, 10 * number + worker) }
        }
        #expect(first.given == [0: 10, 1: 11, 2: 12] && first.silent == 0)
        #expect(second.given == [0: 20, 1: 21, 2: 22] && second.silent == 0)
    }

    @Test func whoIsSilentIsGivenUp() {
        let survey = WorkerSurvey(loop: test.loop, workers: workers)
        let answers = ask(survey)
        survey.answered(worker: 1, number: 1, 5)
        test.pass(WorkerSurvey.timeout - 1)
        #expect(answers.silent == nil)
        test.pass(1)
        #expect(answers.given == [1: 5] && answers.silent == 2)
        // An answer that is late, and one of another type, are dropped.
        survey.answered(worker: 0, number: 1, 6)
        survey.answered(worker: 1, number: 1, "text")
        #expect(answers.given == [1: 5])
    }

    @Test func whoHasEndedIsNotAsked() {
        let survey = WorkerSurvey(loop: test.loop, workers: workers)
        let before = ask(survey)
        survey.ended(worker: 2)
        for worker in 0..<2 { survey.answered(worker: worker, number: 1, 0) }
        #expect(before.silent == 0 && before.given.count == 2)
        _ = asked(2)
        // The worker has closed its mailbox, but has not yet been reported as ended.
        _ = workers[1].mailbox.close()
        let after = ask(survey)
        #expect(asked(2).isEmpty)
        survey.answered(worker: 0, number: 2, 7)
        #expect(after.given == [0: 7] && after.silent == 0)
    }

    @Test func nobodyIsLeft() {
        let survey = WorkerSurvey(loop: test.loop, workers: workers)
        for worker in workers.indices { survey.ended(worker: worker) }
        #expect(ask(survey).silent == 0)
    }
}
