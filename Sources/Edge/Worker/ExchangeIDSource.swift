// Numbers the exchanges of one worker so that no two exchanges of the process have the same number.

/// Makes the ids of exchanges and of refused requests; confined to its worker.
///
/// Each worker counts in steps of the number of workers. Of three workers, the first one gives out the numbers 1, 4, 7
/// and so on, the second one 2, 5, 8.
struct ExchangeIDSource {
    /// When the process started, in milliseconds since 1970.
    private let processStart: Int
    private let step: Int
    private var last: Int

    /// - Parameter worker: the index of the worker, from 0 to `workers - 1`.
    init(processStart: Int, worker: Int, workers: Int) {
        self.processStart = processStart
        step = workers
        last = worker + 1 - workers
    }

    /// The next id.
    mutating func next() -> ExchangeID {
        last += step
        return ExchangeID(processStart: processStart, number: last)
    }
}
