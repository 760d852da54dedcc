// A limit on the number of retries under way, so that a failing pool does not get twice its load.
internal import Synchronization

/// A budget for retries over all workers: a tenth of the requests under way, but at least ten.
package final class RetryBudget: Sendable {
    static let floor = 10
    static let share = 10

    private let requests = Atomic<Int>(0)
    private let retries = Atomic<Int>(0)

    /// Makes a budget with no retries under way.
    package init() {}

    /// The number of retries under way.
    package var underWay: Int { retries.load(ordering: .relaxed) }

    /// Counts one more request under way.
    package func requestBegan() { requests.wrappingAdd(1, ordering: .relaxed) }
    /// Counts the end of a request that `requestBegan` has counted.
    package func requestEnded() { requests.wrappingSubtract(1, ordering: .relaxed) }

    /// Counts one more retry if the budget allows it.
    ///
    /// - Returns: true if the retry was counted, and then the caller has to call `retryEnded`; false if the budget does
    ///   not allow the retry.
    package func take() -> Bool {
        let most = max(Self.floor, requests.load(ordering: .relaxed) / Self.share)
        if retries.wrappingAdd(1, ordering: .relaxed).newValue <= most { return true }
        retries.wrappingSubtract(1, ordering: .relaxed)
        return false
    }
    /// Counts a retry that has waited in the queue and got an executor, even if the budget would not allow it now.
    package func retryBegan() { retries.wrappingAdd(1, ordering: .relaxed) }
    /// Counts the end of a retry that `take` or `retryBegan` has counted.
    package func retryEnded() { retries.wrappingSubtract(1, ordering: .relaxed) }
}
