// One model of a snapshot: its entry in the registry, its executors, its timeouts and its fallbacks.
internal import Configuration
package import Inference
package import Routing
package import Transport

/// One model of a snapshot: its identity, and the executors that serve it.
package struct SnapshotModel: Sendable {
    /// The identity of the model, which outlives the snapshot.
    package let entry: ModelEntry
    /// The model's executors with their weights, and the queue of exchanges that wait for one of them.
    package let pool: ExecutorPool
    /// How long the model's executors may take to answer.
    package let timeouts: ModelTimeouts
    /// The estimated numbers of tokens for images and other media in a prompt.
    package let mediaTokens: MediaTokens
    /// Whether only earlier prompts of the same tenant are considered when the pool looks for an executor that has a
    /// prompt in its cache.
    let prefixesAreTenants: Bool
    /// The name of the JSON member in which clients get the reasoning text of chat answers.
    let reasoning: ReasoningMember
    /// The connection settings of each executor of the pool, by the executor's index in the pool.
    let targets: [ExecutorTarget]
    /// Indices in `Snapshot.models` of the models to fall back on, in the order in which they are tried.
    package let fallbacks: [Int]
}

/// How long the executors of one model may take to answer, in nanoseconds.
package struct ModelTimeouts: Sendable, Equatable {
    /// The time allowed for all attempts of an exchange together, until the first event of a stream.
    package var firstEvent: Nanoseconds
    /// The time allowed for all attempts of an exchange together, until the end of a response that is not a stream.
    package var response: Nanoseconds
    /// The longest time allowed between two events of a stream.
    package var stall: Nanoseconds
    /// How long a request may wait for the model to be loaded; 0 if it must not wait.
    package var loadWait: Nanoseconds

    /// The timeouts of one model; where the model sets none, the common timeout of all models applies.
    init(_ own: ModelSettings.Timeouts, else common: Configuration.Timeouts) {
        firstEvent = Nanoseconds((own.firstEvent ?? common.firstEvent).inNanoseconds)
        response = Nanoseconds((own.response ?? common.response).inNanoseconds)
        stall = Nanoseconds((own.stall ?? common.stall).inNanoseconds)
        loadWait = Nanoseconds((own.loadWait ?? common.loadWait).inNanoseconds)
    }
}
