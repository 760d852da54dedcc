// Counts by fixed buckets. What is observed costs a look into two small tables and two additions: once a token is fine.

package struct Histogram: Sendable {
    /// Upper bounds of the buckets, ascending and inclusive; what is above the last one is counted too.
    package let bounds: [UInt64]
    /// By the number of bits of a value: the first bucket that such a value can be in.
    private let firstPlaces: [UInt8]
    /// One more than there are bounds.
    package private(set) var counts: [UInt64]
    package private(set) var sum: UInt64 = 0

    /// - Parameter bounds: fewer than 256.
    package init(bounds: [UInt64]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
        firstPlaces = (0...64).map { bits in
            let least: UInt64 = bits == 0 ? 0 : 1 << UInt64(bits - 1)
            return UInt8(bounds.firstIndex { $0 >= least } ?? bounds.count)
        }
    }

    package var count: UInt64 { counts.reduce(0, &+) }

    package mutating func observe(_ value: UInt64) {
        var place = Int(firstPlaces[64 - value.leadingZeroBitCount])
        while place < bounds.count, value > bounds[place] { place += 1 }
        counts[place] &+= 1
        sum &+= value
    }

    /// Adds what another one with the same bounds has counted.
    package mutating func add(_ other: Histogram) {
        for place in counts.indices { counts[place] &+= other.counts[place] }
        sum &+= other.sum
    }
}

/// The buckets that there are; times in nanoseconds.
enum Buckets {
    private static let microsecond: UInt64 = 1000
    private static let millisecond: UInt64 = 1_000_000
    private static let second: UInt64 = 1_000_000_000

    /// 1 ms to 120 s.
    static let firstToken =
        [1, 2, 5, 10, 20, 50, 100, 200, 500].map { $0 * millisecond }
        + [1, 2, 5, 10, 20, 30, 60, 120].map { $0 * second }
    /// 1 ms to 600 s.
    static let duration = firstToken + [300 * second, 600 * second]
    /// 0.1 ms to 10 s, closest where a reader's eye is.
    static let gap =
        [100, 200, 500].map { $0 * microsecond }
        + [1, 2, 5, 10, 20, 30, 50, 75, 100, 200, 500].map { $0 * millisecond } + [1, 2, 5, 10].map { $0 * second }
    /// 1 ms to 10 s.
    static let queueWait =
        [1, 2, 5, 10, 20, 50, 100, 200, 500].map { $0 * millisecond }
        + [1, 2, 5, 10].map { $0 * second }
    /// 10 us to 1 s: what the edge itself takes.
    static let overhead =
        [10, 20, 50, 100, 200, 500].map { $0 * microsecond }
        + [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].map { $0 * millisecond }
    /// Tokens, as the OpenTelemetry convention of `gen_ai.client.token.usage` says.
    static let tokens = (0...13).map { UInt64(1) << (2 * $0) }
}
