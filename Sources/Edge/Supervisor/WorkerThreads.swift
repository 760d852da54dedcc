// Starts the worker threads, and counts how many serve, have stopped accepting and have ended.
internal import Transport

/// The threads of all workers.
///
/// Confined to the control thread. It calls `countStarted`, `countStoppedAccepting` or `countEnded` when a worker has
/// started, has stopped accepting connections or has ended.
final class WorkerThreads {
    /// How many workers `start` starts.
    let count: Int
    private var threads: [Transport.Thread] = []
    private var started = 0
    private var stoppedAccepting = 0
    /// For each worker index, whether the worker has ended.
    private var hasEnded: [Bool]

    init(count: Int) {
        self.count = count
        hasEnded = Array(repeating: false, count: count)
    }

    /// Whether `start` has been called.
    var areStarted: Bool { !threads.isEmpty }
    /// Whether every worker has stopped accepting connections, so that the listening sockets can be closed.
    var haveAllStoppedAccepting: Bool { stoppedAccepting == count }
    /// How many workers serve at this moment.
    var serving: Int { max(0, started - hasEnded.count { $0 }) }
    /// The indices of the workers that have not ended.
    var servingIndices: Set<Int> { Set((0..<count).filter { !hasEnded[$0] }) }

    /// Starts all workers.
    ///
    /// Each worker makes its event loop and its connections on its own thread.
    ///
    /// - Parameter report: called on the threads of the workers.
    func start(
        process: ProcessState,
        snapshot: Snapshot,
        listeners: [ListenerKey: ListenerSet],
        report: @escaping @Sendable (WorkerReport) -> Void
    ) {
        threads = (0..<count).map { index in
            Transport.Thread(name: "worker-\(index)") {
                do throws(TLSError) {
                    let worker = try Worker(
                        index: index,
                        process: process,
                        snapshot: snapshot,
                        listeners: listeners,
                        report: report
                    )
                    report(.started)
                    worker.run()
                } catch {
                    report(.failed("\(error)"))
                }
                process.retire(index)
                report(.ended(worker: index))
            }
        }
    }

    /// Counts a worker that has started.
    ///
    /// - Returns: whether all workers have started now.
    func countStarted() -> Bool {
        started += 1
        return started == count
    }

    /// Counts a worker that accepts no more connections.
    ///
    /// - Returns: whether none of the workers accepts connections any more.
    func countStoppedAccepting() -> Bool {
        stoppedAccepting += 1
        return haveAllStoppedAccepting
    }

    /// Counts a worker that has ended.
    ///
    /// - Returns: whether all workers have ended now.
    func countEnded(_ worker: Int) -> Bool {
        hasEnded[worker] = true
        return hasEnded.allSatisfy(\.self)
    }

    /// Waits until every thread has ended.
    func join() { for thread in threads { thread.join() } }
}
