// Measures the edge's own delay: how long requests and responses stay in a worker before they are written to sockets.
internal import Transport

/// The requests, responses and cancellations that the worker sends on connections in one turn of the event loop.
///
/// At the end of the turn, when all output has been written to the sockets, `measure` records how long each of them
/// took.
struct HandedOver {
    /// When each request was ready to be sent to its executor.
    var requests: [Nanoseconds] = []
    /// For each response, when its first event arrived from the executor.
    var answers: [Nanoseconds] = []
    /// The number of attempts that the worker has cancelled because their clients have left.
    var aborts = 0

    /// Records in the worker's counters how long each request, response and cancellation took, and empties this value.
    ///
    /// - Parameter began: when the turn began; the time of a cancellation is measured from then on.
    mutating func measure(into counters: inout WorkerCounters, began: Nanoseconds, now: Nanoseconds) {
        for since in requests { counters.requestOverhead.observe(now &- min(since, now)) }
        requests.removeAll(keepingCapacity: true)
        for since in answers { counters.answerOverhead.observe(now &- min(since, now)) }
        answers.removeAll(keepingCapacity: true)
        for _ in 0..<aborts { counters.abortToExecutor.observe(now &- min(began, now)) }
        aborts = 0
    }
}
