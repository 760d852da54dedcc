// The hashes of a prompt's beginnings, by which a pool recognizes prompts that begin alike.

/// The hashes of the beginnings of one prompt, each from the start to a mark; the marks are at fixed numbers of bytes.
///
/// Two prompts of the same pool have the same hash at a mark if all their bytes up to that mark are the same. The
/// hashes depend on a random secret of the process. So no client can find prompts with equal hashes, and a hash means
/// nothing outside of the process.
package struct PromptPrefix: Equatable, Sendable {
    /// The distance between two marks up to `nearBytes`, in bytes.
    package static let step = 2 << 10
    /// The number of bytes up to which two marks are `step` apart; further marks are `farStep` apart.
    package static let nearBytes = 128 << 10
    /// The distance between two marks beyond `nearBytes`, in bytes.
    package static let farStep = 8 << 10
    /// The number of bytes up to the last mark; what follows in a longer prompt is not hashed.
    package static let bytesMax = 512 << 10
    /// The largest number of marks of one prompt.
    package static let marksMax = nearBytes / step + (bytesMax - nearBytes) / farStep

    /// The hashes, that of the shortest beginning first.
    ///
    /// The array is empty for a prompt that is shorter than `step`, and for a request without a prompt.
    package let hashes: [UInt64]

    /// Makes a prefix; there are at most `marksMax` hashes.
    package init(hashes: [UInt64] = []) { self.hashes = hashes }

    /// The number of bytes of the prompt up to the mark with this index, which is at least 0.
    @inline(__always)
    package static func bytes(at mark: Int) -> Int {
        let near = nearBytes / step
        return mark < near ? (mark + 1) * step : nearBytes + (mark + 1 - near) * farStep
    }

    /// The number of bytes between the mark with this index and the mark before it.
    static func distance(to mark: Int) -> Int { mark < nearBytes / step ? step : farStep }
}
