// The figures of `bench streams`, as text or JSON.
internal import Inference
internal import Transport

/// The result of one run of `bench streams`.
package struct StreamsReport {
    var url = ""
    var spoken = ""
    var connections = 0
    var streams = 0
    /// When the measurement began and ended, by CLOCK_MONOTONIC.
    var measuredFrom: Nanoseconds = 0
    var measuredTo: Nanoseconds = 0
    var isInterrupted = false

    /// How many tokens arrived during the measurement.
    package internal(set) var tokens = 0
    /// The times from the executor's time stamp in a token to the token's arrival.
    var latency = Distribution()
    /// The times between two consecutive tokens of a stream.
    var gap = Distribution()
    /// The times from the request to the first token, for all streams of the run.
    ///
    /// Streams of the warm-up are included.
    var firstToken = Distribution()
    var runningAtStart = 0
    var runningAtEnd = 0
    var started = 0
    var finished = 0
    var connectionsLost = 0
    /// How many streams broke, by cause.
    var broken: [Breakage: Int] = [:]
    /// The error of the first broken stream; nil if none broke.
    var sample: String?
    /// The CPU time of the bench process during the measurement.
    var processorTime: Nanoseconds = 0

    /// Why a stream broke.
    enum Breakage: String, CaseIterable, Sendable {
        /// The status of the response was not 200.
        case refused
        /// The server reset the stream.
        case reset
        /// The connection ended before the response was complete.
        case cut
        /// The stream had an error event.
        case errorEvent = "error_event"
        /// The response was complete according to its framing, but had no `[DONE]`.
        case unfinished
    }

    var brokenCount: Int { broken.values.reduce(0, +) }
    var seconds: Double { Double(measuredTo - measuredFrom) / 1e9 }
    var tokensPerSecond: Double { seconds > 0 ? Double(tokens) / seconds : 0 }
    private var microsecondsPerToken: Double { tokens > 0 ? Double(processorTime) / 1000 / Double(tokens) : 0 }

    /// The report as JSON.
    package var json: String {
        var json = JSONWriter(reserving: 2048)
        json.beginObject()
        json.field("url", url)
        json.field("protocol", spoken)
        json.field("connections", connections)
        json.field("streams", streams)
        json.field("measured_from_ns", Int(measuredFrom))
        json.field("measured_to_ns", Int(measuredTo))
        json.field("seconds", Text.rounded(seconds))
        json.field("interrupted", isInterrupted)
        json.field("tokens", tokens)
        json.field("tokens_per_second", Text.rounded(tokensPerSecond))
        json.key("latency_ms")
        latency.write(to: &json)
        json.key("gap_ms")
        gap.write(to: &json)
        json.key("first_token_ms")
        firstToken.write(to: &json)
        json.field("running_at_start", runningAtStart)
        json.field("running_at_end", runningAtEnd)
        json.field("started", started)
        json.field("finished", finished)
        json.field("connections_lost", connectionsLost)
        json.field("broken", brokenCount)
        json.key("broken_by")
        json.beginObject()
        for cause in Breakage.allCases { json.field(named: cause.rawValue, broken[cause] ?? 0) }
        json.endObject()
        json.field("sample_error", sample)
        json.field("bench_cpu_us_per_token", Text.rounded(microsecondsPerToken))
        json.endObject()
        return String(decoding: json.bytes, as: UTF8.self)
    }

    /// The report as a text table.
    package var text: String {
        var lines = [
            "\(url): \(spoken), \(connections) connections x \(streams) streams, "
                + "\(Text.fixed(seconds, digits: 1)) s\(isInterrupted ? " (interrupted)" : "")",
            "",
            "tokens        \(tokens), \(Text.fixed(tokensPerSecond, digits: 0)) a second",
            "streams       \(runningAtStart) running at the start, \(runningAtEnd) at the end; "
                + "\(started) started, \(finished) finished in all",
            "broken        " + (brokenCount == 0 ? "0" : "\(brokenCount): \(causes)"),
        ]
        if let sample { lines.append("              \(sample)") }
        if connectionsLost > 0 { lines.append("connections   \(connectionsLost) lost") }
        lines.append("bench         \(Text.fixed(microsecondsPerToken, digits: 2)) us of CPU a token")
        lines.append("")
        let heads = ["p50", "p90", "p99", "p99.9", "max"].map { Text.right($0, 10) }
        lines.append(Text.left("milliseconds", 14) + heads.joined())
        for (name, distribution) in [("latency", latency), ("gap", gap), ("first token", firstToken)] {
            lines.append(Text.left(name, 14) + distribution.columns.map { Text.right($0, 10) }.joined())
        }
        return lines.joined(separator: "\n")
    }

    private var causes: String {
        Breakage.allCases.compactMap { cause in broken[cause].map { "\($0) \(cause.rawValue)" } }.joined(
            separator: ", "
        )
    }
}
