// How a request got its executor, and what its prompt is expected to cost at the executor.

/// Why a pool has chosen an executor for a request.
package enum PlacementReason: String, Sendable {
    /// The executor has made the response that the request continues, and no other has stored it.
    case response
    /// The session that the client has named has gone to this executor before.
    case session
    /// The executor is believed to hold the beginning of the prompt.
    case prefix
    /// Other executors hold more of the prompt or had the session before, but were not chosen.
    ///
    /// They cannot take the request, or have so much more to do that the chosen executor answers sooner.
    case gate
    /// No executor holds more of the prompt than most requests share, or the pool does not look at prompts.
    case load
}

/// The choice of an executor for one request.
package struct Placement: Equatable, Sendable {
    /// Why the executor was chosen.
    package let reason: PlacementReason
    /// How many bytes of the prompt the executor is believed to hold.
    package let believedBytes: Int
    /// The size of the part of the prompt that the executor has to compute, in bytes.
    ///
    /// These bytes are part of `Executor.waitingBytes` until the answer begins.
    package let missingBytes: Int
    /// The size of the waiting parts of other prompts that the executor had to compute first, in bytes.
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
