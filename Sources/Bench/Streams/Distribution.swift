// The distribution of measured durations.
internal import Histogram
internal import Inference
internal import Transport

/// An HdrHistogram of durations, with three significant digits.
///
/// In percentiles, a duration above two minutes counts as two minutes.
struct Distribution {
    private static let highest: Nanoseconds = 120_000_000_000
    private var histogram = Histogram<UInt64>(
        highestTrackableValue: highest,
        numberOfSignificantValueDigits: .three
    )
    /// The longest recorded duration, in nanoseconds.
    private(set) var most: Nanoseconds = 0

    init() {}

    /// How many durations were recorded.
    var count: Int { Int(histogram.totalCount) }

    /// Records a duration.
    @inline(__always)
    mutating func record(_ value: Nanoseconds) {
        histogram.record(min(value, Self.highest))
        if value > most { most = value }
    }

    /// A percentile (0 to 100) of the durations, in milliseconds; 0 if nothing was recorded.
    func percentile(_ percentile: Double) -> Double {
        count == 0 ? 0 : Self.milliseconds(min(histogram.valueAtPercentile(percentile), most))
    }
    /// The longest duration, in milliseconds.
    var maximum: Double { Self.milliseconds(most) }

    private static func milliseconds(_ value: Nanoseconds) -> Double {
        // The result is rounded to tenths of a microsecond.
        Double((value + 50) / 100) / 10_000
    }

    /// Writes an object `{"count", "p50", "p90", "p99", "p999", "max"}`, with durations in milliseconds.
    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("count", count)
        json.field("p50", percentile(50))
        json.field("p90", percentile(90))
        json.field("p99", percentile(99))
        json.field("p999", percentile(99.9))
        json.field("max", maximum)
        json.endObject()
    }

    /// The percentiles 50, 90, 99 and 99.9 and the maximum in milliseconds, as columns of a table.
    var columns: [String] {
        [percentile(50), percentile(90), percentile(99), percentile(99.9), maximum].map { Text.fixed($0, digits: 3) }
    }
}
