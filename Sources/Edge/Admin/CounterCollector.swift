// Lets the control thread collect the counters of all workers.
internal import Transport

/// The latest known counters of every worker; confined to the control thread.
///
/// If a worker has ended or does not answer in time, its last known counters are used. So no sum decreases, as
/// Prometheus requires of a counter.
final class CounterCollector {
    private let survey: WorkerSurvey
    private var latest: [WorkerCounters]
    /// How many workers have answered the last `ask`, or had ended before that call.
    private(set) var heard = 0

    init(survey: WorkerSurvey, workers: Int) {
        self.survey = survey
        latest = Array(repeating: WorkerCounters(), count: workers)
    }

    /// The counters, each summed over all workers.
    var sum: WorkerCounters {
        var sum = WorkerCounters()
        for counters in latest { sum.add(counters) }
        return sum
    }

    /// Asks every worker for its counters.
    ///
    /// - Parameter answered: called once, when all workers have answered or after `WorkerSurvey.timeout`.
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

    /// Stores the final counters of a worker that ends.
    func ended(worker: Int, _ counters: WorkerCounters) { latest[worker] = counters }
}
