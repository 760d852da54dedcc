// One executor of one model, as all workers count it. Touched once or twice a request, never once a token.
internal import Synchronization

/// Counts what is under way at an executor; its pool decides about its health.
package final class Executor: Sendable {
    /// Its place among all executors of the process: workers keep their connections to it by this number.
    package let index: Int
    /// Its URL, for logs.
    package let name: String
    /// What it calls the model.
    package let model: String
    /// Its share of the exchanges, against the others of its pool; 0 gets none while another has more.
    package let weight: Int
    /// Exchanges at once; nil where nobody has said.
    package let runningMax: Int?
    /// Exchanges that have an attempt at it now, on all workers.
    private let attempts = Atomic<Int>(0)
    /// Bytes of the prompts of those that have no first event yet: the work that waits in it.
    private let promptBytes = Atomic<Int>(0)

    package init(index: Int, name: String, model: String, weight: Int = 1, runningMax: Int? = nil) {
        self.index = index
        self.name = name
        self.model = model
        self.weight = weight
        self.runningMax = runningMax
    }

    package var running: Int { attempts.load(ordering: .relaxed) }
    package var waitingBytes: Int { promptBytes.load(ordering: .relaxed) }

    func attemptBegan(promptBytes bytes: Int) {
        attempts.wrappingAdd(1, ordering: .relaxed)
        promptBytes.wrappingAdd(bytes, ordering: .relaxed)
    }
    /// The prompt is worked off: its first event is there, or the attempt is over without one.
    package func promptDone(bytes: Int) { promptBytes.wrappingSubtract(bytes, ordering: .relaxed) }
    package func attemptEnded() { attempts.wrappingSubtract(1, ordering: .relaxed) }
}
