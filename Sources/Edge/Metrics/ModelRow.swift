// The counters that one worker has for one model.

/// The counters of one model at one worker; confined to the worker.
///
/// An exchange keeps a reference to the counters of its model, so that no search is needed to count a token.
final class ModelRow {
    /// The id of the model; `WorkerCounters.noModel` for the counters of requests that named no known model.
    let id: Int
    var counts = WorkerCounters.OfModel()

    init(id: Int) { self.id = id }

    /// Counts an attempt that has ended.
    ///
    /// - Parameters:
    ///   - index: the index that `Ending` gives to the way in which the attempt ended.
    ///   - executor: the id of the executor.
    func attemptEnded(_ index: Int, executor: Int) { counts.attempts.count(index, executor: executor) }

    /// Counts a request from whose system prompt the edge has removed the billing header, which coding agents put
    /// first.
    func billingBlockStripped() { counts.billingBlocksStripped &+= 1 }
}
