import LoopTesting
import Testing
import Transport

@testable import Edge

/// Tests the sum of the counters of all workers, which must never decrease.
@Suite struct CounterCollectorTests {
    private let test = TestLoop()
    private let workers = (0..<2).map { _ in WorkerHandle() }

    private func counters(_ bytes: UInt64, model: Int) -> WorkerCounters {
        var counters = WorkerCounters()
        counters.bytesIn = bytes
        var row = WorkerCounters.OfModel()
        row.ends[0] = bytes
        for _ in 0..<bytes { row.attempts.count(0, executor: 9) }
        counters.models[model] = row
        return counters
    }

    @Test func whatWorkersHaveCountedIsAddedUp() {
        let survey = WorkerSurvey(loop: test.loop, workers: workers)
        let collector = CounterCollector(survey: survey, workers: 2)
        var answers = 0
        collector.ask { answers += 1 }
        survey.answered(worker: 0, number: 1, counters(3, model: 7))
        survey.answered(worker: 1, number: 1, counters(4, model: 8))
        #expect(answers == 1 && collector.heard == 2 && collector.sum.bytesIn == 7)
        #expect(collector.sum.models[7]?.ends[0] == 3 && collector.sum.models[8]?.attempts[9]?[0] == 4)
        // The second worker does not answer, so its last known counters are used.
        collector.ask { answers += 1 }
        survey.answered(worker: 0, number: 2, counters(5, model: 7))
        test.pass(WorkerSurvey.timeout)
        #expect(answers == 2 && collector.heard == 1 && collector.sum.bytesIn == 9)
    }

    @Test func whoHasEndedStaysInTheSum() {
        let survey = WorkerSurvey(loop: test.loop, workers: workers)
        let collector = CounterCollector(survey: survey, workers: 2)
        var isAnswered = false
        collector.ask { isAnswered = true }
        survey.answered(worker: 0, number: 1, counters(3, model: 7))
        collector.ended(worker: 0, counters(6, model: 7))
        survey.ended(worker: 0)
        survey.answered(worker: 1, number: 1, counters(4, model: 7))
        #expect(isAnswered && collector.heard == 2)
        #expect(collector.sum.bytesIn == 10 && collector.sum.models[7]?.ends[0] == 10)
    }
}
