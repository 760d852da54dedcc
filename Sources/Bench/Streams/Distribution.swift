// The distribution of measured durations.
internal import Histogram
internal import Inference
internal import Transport

/// An HdrHistogram of durations, with three significant digits.
///
/// In percentiles, a duration above `highest` counts as `highest`.
struct Distribution {
    private let highest: Nanoseconds
    private var histogram: Histogram<UInt64>
    private var sum: Nanoseconds = 0
    /// The longest recorded duration, in nanoseconds.
    private(set) var most: Nanoseconds = 0

    /// Makes an empty distribution.
    ///
    /// - Parameter highest: a duration in nanoseconds, by default two minutes. Percentiles treat longer durations as
    ///   this one.
    init(highest: Nanoseconds = 120_000_000_000) {
        self.highest = highest
        histogram = Histogram(highestTrackableValue: highest, numberOfSignificantValueDigits: .three)
    }

    /// How many durations were recorded.
    var count: Int { Int(histogram.totalCount) }

    /// Records a duration.
    @inline(__always)
    mutating func record(_ value: Nanoseconds) {
        histogram.record(min(value, highest))
        sum &+= value
        if value > most { most = value }
    }

    /// A percentile (0 to 100) of the durations, in milliseconds; 0 if nothing was recorded.
    func percentile(_ percentile: Double) -> Double {
        count == 0 ? 0 : Self.milliseconds(min(histogram.valueAtPercentile(percentile), most))
    }
    /// The mean of the durations, in milliseconds; 0 if nothing was recorded.
    var mean: Double { count == 0 ? 0 : Self.milliseconds(sum / Nanoseconds(count)) }
    /// The longest duration, in milliseconds.
    var maximum: Double { Self.milliseconds(most) }

    private static func milliseconds(_ value: Nanoseconds) -> Double {
        // The result is rounded to tenths of a microsecond.
        Double((value + 50) / 100) / 10_000
    }

    /// Writes an object `{"count", "mean", "p50", "p90", "p99", "p999", "max"}`, with durations in milliseconds.
    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("count", count)
        json.field("mean", mean)
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
