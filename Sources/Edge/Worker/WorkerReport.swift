// The messages that a worker sends to the control thread.

/// A message of one worker to the control thread.
package enum WorkerReport: Sendable {
    /// The worker has started; it accepts connections on the listeners that it was given.
    case started
    /// The worker could not start; the text says why.
    case failed(String)
    /// The worker with this index uses the snapshot of this generation, and accepts only on the listeners of that
    /// snapshot.
    case adopted(worker: Int, generation: Int)
    /// The worker accepts no more connections, and does not use the listening sockets any more.
    case stoppedAccepting
    /// The answer of the worker with this index to a question that the control thread has asked all workers.
    ///
    /// `number` is the number that `WorkerSurvey` gave to the question.
    case answered(worker: Int, number: Int, any Sendable)
    /// The last counters of a worker, sent when it ends.
    case counted(worker: Int, WorkerCounters)
    /// The worker's thread is about to end.
    case ended(worker: Int)
}
