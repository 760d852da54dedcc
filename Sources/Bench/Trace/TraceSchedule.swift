// Which requests of a trace are sent, and when.
internal import Transport

/// The requests of a recorded trace that the benchmark sends, in the order of their times.
struct TraceSchedule: Equatable {
    /// One request of the trace that the benchmark sends.
    struct Entry: Equatable {
        /// The index of the request in the trace.
        var request: Int
        /// How long after the beginning of the replay the request is sent.
        var due: Nanoseconds
    }

    let entries: [Entry]

    /// Takes requests from a trace; the first one is sent at once.
    ///
    /// - Parameters:
    ///   - speed: how many seconds of the trace pass in one second.
    ///   - scale: the share of the requests that is taken, above 0 and at most 1. With the same seed, a larger share
    ///     contains all requests of a smaller share.
    ///   - limit: how many requests are taken at most; nil for no limit.
    init(_ trace: TraceFile, speed: Double, scale: Double, limit: Int?, seed: UInt64) {
        let numbers = SeededNumbers(seed: seed).sequence(2)
        let taken = Array(
            trace.requests.indices.lazy
                .filter { Self.fraction(numbers[UInt64($0)]) < scale }
                .prefix(limit ?? .max)
        )
        let first = taken.first.map { trace.requests[$0].time } ?? 0
        entries = taken.map {
            Entry(request: $0, due: Nanoseconds(Double(trace.requests[$0].time - first) / speed))
        }
    }

    /// Converts a 64-bit number to a fraction that is at least 0 and less than 1.
    private static func fraction(_ number: UInt64) -> Double { Double(number >> 11) / Double(1 << 53) }
}
