// How many requests may be tried again at once: so that a failing pool is not drowned in second tries.
internal import Synchronization

/// A tenth of the requests under way, but at least ten; counted over all workers.
package final class RetryBudget: Sendable {
    static let floor = 10
    static let share = 10

    private let requests = Atomic<Int>(0)
    private let retries = Atomic<Int>(0)

    package init() {}

    /// Retries that hold a place now.
    package var underWay: Int { retries.load(ordering: .relaxed) }

    package func requestBegan() { requests.wrappingAdd(1, ordering: .relaxed) }
    package func requestEnded() { requests.wrappingSubtract(1, ordering: .relaxed) }

    /// Room for one more retry, taken; to be given back by `retryEnded`.
    package func take() -> Bool {
        let most = max(Self.floor, requests.load(ordering: .relaxed) / Self.share)
        if retries.wrappingAdd(1, ordering: .relaxed).newValue <= most { return true }
        retries.wrappingSubtract(1, ordering: .relaxed)
        return false
    }
    /// A retry that cannot be refused any more takes a place, even where there is none.
    package func retryBegan() { retries.wrappingAdd(1, ordering: .relaxed) }
    package func retryEnded() { retries.wrappingSubtract(1, ordering: .relaxed) }
}
