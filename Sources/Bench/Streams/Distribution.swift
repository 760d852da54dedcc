// Durations, counted into an HdrHistogram of three digits: nanoseconds up to two minutes.
internal import Histogram
internal import Inference
internal import Transport

struct Distribution {
    private static let highest: Nanoseconds = 120_000_000_000
    private var histogram = Histogram<UInt64>(
        highestTrackableValue: highest,
        numberOfSignificantValueDigits: .three
    )
    private(set) var most: Nanoseconds = 0

    init() {}

    var count: Int { Int(histogram.totalCount) }

    @inline(__always)
    mutating func record(_ value: Nanoseconds) {
        histogram.record(min(value, Self.highest))
        if value > most { most = value }
    }

    /// In milliseconds.
    ///
    /// 0 when nothing was counted.
    func percentile(_ percentile: Double) -> Double {
        count == 0 ? 0 : Self.milliseconds(min(histogram.valueAtPercentile(percentile), most))
    }
    var maximum: Double { Self.milliseconds(most) }

    private static func milliseconds(_ value: Nanoseconds) -> Double {
        // Tenths of a microsecond are enough.
        Double((value + 50) / 100) / 10_000
    }

    /// `{"count", "p50", "p90", "p99", "p999", "max"}`, in milliseconds.
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

    /// The same as columns of a table.
    var columns: [String] {
        [percentile(50), percentile(90), percentile(99), percentile(99.9), maximum].map { Text.fixed($0, digits: 3) }
    }
}

/// Numbers and columns for people, without Foundation.
enum Text {
    static func fixed(_ value: Double, digits: Int) -> String {
        var scale = 1
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int((value.magnitude * Double(scale)).rounded())
        let sign = value < 0 && scaled != 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(scaled)" }
        let fraction = String(scaled % scale)
        return "\(sign)\(scaled / scale)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }

    static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
