// A histogram with fixed buckets, cheap enough to observe a value for every token.

/// Counts the observed values in buckets with fixed bounds.
///
/// Observing a value usually costs two reads of small tables and two additions. No lock is needed, because each worker
/// has its own histograms.
package struct Histogram: Sendable {
    /// The upper bounds of the buckets, ascending and inclusive; larger values are counted in an additional bucket.
    package let bounds: [UInt64]
    /// Element n, from 0 to 64, is the index of the first bucket for values with n significant bits.
    ///
    /// So `observe` does not have to search all buckets.
    private let firstIndices: [UInt8]
    /// The count of each bucket by its index; the last element counts the values above the last bound.
    package private(set) var counts: [UInt64]
    /// The sum of all observed values; wraps around at 2^64.
    package private(set) var sum: UInt64 = 0

    /// An empty histogram.
    ///
    /// - Parameter bounds: ascending; fewer than 256.
    package init(bounds: [UInt64]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
        firstIndices = (0...64).map { bits in
            let least: UInt64 = bits == 0 ? 0 : 1 << UInt64(bits - 1)
            return UInt8(bounds.firstIndex { $0 >= least } ?? bounds.count)
        }
    }

    /// The number of observed values.
    package var count: UInt64 { counts.reduce(0, &+) }

    /// Counts a value.
    package mutating func observe(_ value: UInt64) {
        var index = Int(firstIndices[64 - value.leadingZeroBitCount])
        while index < bounds.count, value > bounds[index] { index += 1 }
        counts[index] &+= 1
        sum &+= value
    }

    /// Adds what another histogram with the same bounds has counted.
    package mutating func add(_ other: Histogram) {
        for index in counts.indices { counts[index] &+= other.counts[index] }
        sum &+= other.sum
    }
}
