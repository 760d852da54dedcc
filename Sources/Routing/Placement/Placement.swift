// How a request got its executor, and what its prompt is expected to cost there.
internal import Transport

/// Why a pool has chosen an executor for a request.
package enum PlacementReason: String, CaseIterable, Sendable {
    /// The executor is believed to hold the beginning of the prompt.
    case prefix
    /// Other executors hold more of the prompt, but have so much more to do that the request is faster at this one, or
    /// cannot take it.
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
    /// It counts as waiting until the answer begins.
    package let missingBytes: Int
    /// The size of the waiting parts of other prompts that the executor had to compute first, in bytes.
    let aheadBytes: Int

    init(reason: PlacementReason = .load, promptBytes: Int, believedBytes: Int = 0, aheadBytes: Int = 0) {
        self.reason = reason
        self.believedBytes = min(believedBytes, promptBytes)
        missingBytes = promptBytes - self.believedBytes
        self.aheadBytes = aheadBytes
    }
}

/// How fast an executor computes prompts, in bytes a second: a mean in which recent prompts count most.
///
/// The rate is measured from the request to the first event of the answer, and includes the prompts that were waiting
/// before.
struct PrefillRate: Equatable, Sendable {
    /// Until so many bytes are measured, the rate is unknown.
    private static let leastBytes = 128.0 * 1024
    /// When so many bytes are measured, older ones begin to count less.
    private static let mostBytes = 2.0 * 1024 * 1024

    private var bytes = 0.0
    private var seconds = 0.0

    /// Rates beyond these limits are not believed, for example after events that came before the prompt was computed;
    /// in bytes a second.
    private static let range = 4000.0...4_000_000.0

    /// The rate in bytes a second; nil until enough is measured.
    var bytesPerSecond: Double? {
        guard bytes >= Self.leastBytes, seconds > 0 else { return nil }
        return min(max(bytes / seconds, Self.range.lowerBound), Self.range.upperBound)
    }

    /// Records that the answer to a request has begun `time` nanoseconds after the request.
    ///
    /// - Parameter bytes: the part of the prompt that had to be computed, and what waited before it, in bytes.
    mutating func measured(_ bytes: Int, in time: Nanoseconds) {
        // Small prompts say more about the network and the first token than about the rate.
        guard bytes >= PromptPrefix.step, time > 0 else { return }
        if self.bytes > Self.mostBytes {
            self.bytes /= 2
            seconds /= 2
        }
        self.bytes += Double(bytes)
        seconds += Double(time) / 1e9
    }
}
