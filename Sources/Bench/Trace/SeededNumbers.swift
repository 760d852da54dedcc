// Pseudo-random numbers that are the same in every run with the same seed.

/// A sequence of pseudo-random numbers, which its seed determines.
///
/// The generator is SplitMix64 (Steele, Lea and Flood 2014). It computes the number at any index directly, without the
/// numbers before it.
struct SeededNumbers {
    private static let step: UInt64 = 0x9E37_79B9_7F4A_7C15

    private let start: UInt64

    /// Makes the sequence of numbers that belongs to a seed.
    init(seed: UInt64) { start = Self.mix(seed &+ Self.step) }

    /// The number at this position of the sequence.
    subscript(_ index: UInt64) -> UInt64 { Self.mix(start &+ index &* Self.step) }

    /// Returns a separate sequence for each index.
    ///
    /// So several parts of a program can use different numbers, although they have one seed in common.
    func sequence(_ index: UInt64) -> SeededNumbers { SeededNumbers(seed: self[index]) }

    private static func mix(_ value: UInt64) -> UInt64 {
        var value = value
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
