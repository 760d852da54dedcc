// How a request got its executor, and what its prompt is expected to cost at the executor.

/// Why a pool has chosen an executor for a request.
package enum PlacementReason: String, Sendable {
    /// The executor has made the response that the request continues, and no other executor has stored that response.
    case response
    /// The previous request of the session that the client has named went to this executor.
    case session
    /// The executor is believed to have the beginning of the prompt in its cache.
    case prefix
    /// Other executors have more of the prompt in their caches, or had the session before, but were not chosen.
    ///
    /// The other executors cannot take the request, or have so much more to do that the chosen executor answers sooner.
    case gate
    /// The prompt did not decide the choice. The pool ignores prompts, or no executor has more of the prompt in its
    /// cache than the beginning that most requests share.
    case load
}

/// The choice of an executor for one request.
package struct Placement: Equatable, Sendable {
    /// Why the executor was chosen.
    package let reason: PlacementReason
    /// How many bytes at the beginning of the prompt the executor is believed to have in its cache.
    package let believedBytes: Int
    /// How many bytes of the prompt the executor has to compute, because they are not in its cache.
    ///
    /// Until the answer begins, these bytes are counted in `Executor.waitingBytes`, which measures the work that waits
    /// at the executor.
    package let missingBytes: Int
    /// How many bytes of earlier requests' prompts the executor still had to compute when it was chosen.
    let aheadBytes: Int
    /// Whether the size of the prompt is an estimate, because it has images or other media.
    let isEstimate: Bool

    init(
        reason: PlacementReason = .load,
        promptBytes: Int,
        believedBytes: Int = 0,
        aheadBytes: Int = 0,
        isEstimate: Bool = false
    ) {
        self.reason = reason
        self.isEstimate = isEstimate
        self.believedBytes = min(believedBytes, promptBytes)
        missingBytes = promptBytes - self.believedBytes
        self.aheadBytes = aheadBytes
    }
}
