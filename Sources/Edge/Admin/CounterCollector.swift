// The counters of all workers, as the control thread knows them.
internal import Transport

/// Confined to the control thread.
///
/// A worker that has ended, or does not answer in time, is there with what it last said: no counter ever falls.
final class CounterCollector {
    private let survey: WorkerSurvey
    private var latest: [WorkerCounters]
    /// Workers whose counters are those of the last question, or their last ones.
    private(set) var heard = 0

    init(survey: WorkerSurvey, workers: Int) {
        self.survey = survey
        latest = Array(repeating: WorkerCounters(), count: workers)
    }

    var sum: WorkerCounters {
        var sum = WorkerCounters()
        for counters in latest { sum.add(counters) }
        return sum
    }

    /// Asks every worker; `answered` is called once, when all have answered or the survey's patience is over.
    func ask(_ answered: @escaping () -> Void) {
        survey.ask(
            { $0.counters },
            answered: { [self] worker, counters in latest[worker] = counters },
            finished: { [self] silent in
                heard = latest.count - silent
                answered()
            }
        )
    }

    /// A worker ends: these are its last.
    func ended(worker: Int, _ counters: WorkerCounters) { latest[worker] = counters }
}
