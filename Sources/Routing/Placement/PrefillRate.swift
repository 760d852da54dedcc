// How fast an executor computes prompts. A pool measures the rate for each of its executors; the pool's lock guards it.
internal import Transport

/// How fast an executor computes prompts, in bytes a second: a mean in which recent prompts count most.
///
/// The time is measured from the request to the first event of the answer. The bytes include the prompts that were
/// waiting before the request.
struct PrefillRate: Equatable, Sendable {
    /// The rate is unknown until the measured prompts have this many bytes together.
    private static let leastBytes = 128.0 * 1024
    /// When the sum of measured bytes exceeds this number, it is halved before the next prompt is added.
    ///
    /// The sum of seconds is then halved, too. So later prompts count more.
    private static let mostBytes = 2.0 * 1024 * 1024

    /// The limits of a believable rate, in bytes a second.
    ///
    /// A measured rate is too high, for example, if an engine sends its first event before it has computed the prompt.
    private static let range = 4000.0...4_000_000.0

    private var bytes = 0.0
    private var seconds = 0.0

    /// The rate in bytes a second; nil until enough is measured.
    var bytesPerSecond: Double? {
        guard bytes >= Self.leastBytes, seconds > 0 else { return nil }
        return min(max(bytes / seconds, Self.range.lowerBound), Self.range.upperBound)
    }

    /// Records that the answer to a request has begun `time` nanoseconds after the request.
    ///
    /// - Parameter bytes: the bytes that the executor had to compute in this time: the part of the prompt that was not
    ///   cached, and the prompts that were waiting before it.
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
