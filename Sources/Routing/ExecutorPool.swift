// The executors that serve one model, and whose turn it is. Shared by all workers: touched once or twice a request.
internal import Synchronization

/// One executor of one model.
package final class Executor: Sendable {
    /// Its place among all executors of the process: workers keep their connections to it by this number.
    package let index: Int
    /// Its URL, for logs.
    package let name: String
    /// What it calls the model.
    package let model: String
    /// Exchanges that have an attempt at it now, on all workers.
    private let attempts = Atomic<Int>(0)

    package init(index: Int, name: String, model: String) {
        self.index = index
        self.name = name
        self.model = model
    }

    package var running: Int { attempts.load(ordering: .relaxed) }
    package func attemptBegan() { attempts.wrappingAdd(1, ordering: .relaxed) }
    package func attemptEnded() { attempts.wrappingSubtract(1, ordering: .relaxed) }
}

/// The executors of one model.
package final class ExecutorPool: Sendable {
    package let executors: [Executor]
    private let turn = Atomic<Int>(0)

    package init(executors: [Executor]) { self.executors = executors }

    /// The executor whose turn it is; nil when there is none.
    package func next() -> Executor? {
        guard !executors.isEmpty else { return nil }
        let count = turn.wrappingAdd(1, ordering: .relaxed).oldValue
        return executors[Int(UInt(bitPattern: count) % UInt(executors.count))]
    }
}
