// Pseudo-random numbers that are the same in every run with the same seed.

/// Numbers that a seed and an index determine.
///
/// The generator is SplitMix64 (Steele, Lea and Flood 2014). It can compute the number at any index directly, without
/// the numbers at lower indices.
struct SeededNumbers {
    private static let step: UInt64 = 0x9E37_79B9_7F4A_7C15

    private let start: UInt64

    /// Makes a sequence from a seed.
    init(seed: UInt64) { start = Self.mix(seed &+ Self.step) }

    /// The number at an index.
    subscript(_ index: UInt64) -> UInt64 { Self.mix(start &+ index &* Self.step) }

    /// A separate sequence for each index, so that several purposes can use different numbers of one seed.
    func sequence(_ index: UInt64) -> SeededNumbers { SeededNumbers(seed: self[index]) }

    private static func mix(_ value: UInt64) -> UInt64 {
        var value = value
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
