// The hashes of a prompt's beginnings, by which a pool recognizes prompts that begin alike.

/// The hashes of several beginnings of one prompt, which show whether two prompts begin alike.
///
/// The beginnings end at fixed numbers of bytes, which are called marks. Two prompts of the same pool have the same
/// hash at a mark if all their bytes up to that mark are the same. The hashes depend on a random secret of the process.
/// So no client can find prompts with equal hashes, and a hash means nothing outside of the process.
package struct PromptPrefix: Equatable, Sendable {
    /// The distance, in bytes, between two marks (offsets up to which a prompt is hashed) in the first `nearBytes`.
    package static let step = 2 << 10
    /// How many bytes at the beginning of a prompt have marks that are `step` apart; later marks are `farStep` apart.
    ///
    /// A mark is an offset up to which the beginning of the prompt is hashed.
    package static let nearBytes = 128 << 10
    /// The distance, in bytes, between two marks (offsets up to which a prompt is hashed) beyond `nearBytes`.
    package static let farStep = 8 << 10
    /// The number of bytes of a prompt that are hashed at most; further bytes of a longer prompt are not hashed.
    package static let bytesMax = 512 << 10
    /// The largest number of marks of one prompt; a mark is an offset up to which the prompt is hashed.
    package static let marksMax = nearBytes / step + (bytesMax - nearBytes) / farStep

    /// The hashes of the beginnings of the prompt, the hash of the shortest beginning first.
    ///
    /// The array is empty for a prompt that is shorter than `step`, and for a request without a prompt.
    package let hashes: [UInt64]

    /// Makes a value from the hashes of the beginnings of a prompt, at most `marksMax`, the shortest beginning first.
    package init(hashes: [UInt64] = []) { self.hashes = hashes }

    /// The number of bytes of the prompt up to the mark with this index; the first mark has the index 0.
    ///
    /// A mark is an offset up to which the beginning of the prompt is hashed.
    @inline(__always)
    package static func bytes(at mark: Int) -> Int {
        let near = nearBytes / step
        return mark < near ? (mark + 1) * step : nearBytes + (mark + 1 - near) * farStep
    }

    /// The number of bytes from the previous mark to the mark with this index.
    ///
    /// A mark is an offset up to which the beginning of a prompt is hashed.
    static func distance(to mark: Int) -> Int { mark < nearBytes / step ? step : farStep }
}
