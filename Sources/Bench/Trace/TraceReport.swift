// The figures of `bench trace`, as text or JSON.
internal import Inference
internal import Transport

/// The result of one run of `bench trace`.
package struct TraceReport {
    /// The counters of one executor's prefix cache, before and after the run.
    struct Executor {
        var url: String
        var before: PrefixCounters
        /// The counters after the run; nil if they could not be read.
        var after: PrefixCounters?

        /// How many prompt tokens the executor looked up in its prefix cache during the run, and how many of them it
        /// found there; nil if the counters after the run could not be read.
        var counted: PrefixCounters? { after.map { $0.since(before) } }
    }

    /// The longest time that a percentile can report, an hour; longer times count as an hour.
    ///
    /// The limit is that long because requests may wait for many minutes if the server has too few executors for the
    /// load.
    private static let firstTokenMax: Nanoseconds = 3_600_000_000_000

    var url = ""
    var spoken = ""
    /// The command that repeats the run.
    var command = ""
    /// How many requests the trace has, and how many of them the run is to send, according to its options (`planned`).
    var traceRequests = 0
    var planned = 0
    /// Whether a signal ended the run early.
    package internal(set) var isInterrupted = false
    /// The time from the start of the replay to its end.
    ///
    /// The replay ends when all requests are sent and all streams have ended, when the time for the streams after the
    /// last request is over (`TraceOptions.drain`), or when a signal arrives.
    var duration: Nanoseconds = 0

    /// How many requests were sent.
    var sent = 0
    /// How many streams were complete.
    package internal(set) var answered = 0
    /// How many streams had not ended at the end of the replay.
    var left = 0
    /// The largest number of streams at once.
    var mostRunning = 0
    /// The number of tokens of all prompts that were sent, according to the trace.
    var promptTokens = 0
    /// The times from sending each request to its first token.
    var firstToken = Distribution(highest: firstTokenMax)
    /// How much later than planned each request was sent.
    var late = Distribution(highest: firstTokenMax)
    /// How many responses had a status other than 200, by status.
    var refused: [Int: Int] = [:]
    /// How many streams broke, by cause; streams that were refused are not included.
    var broken: [StreamsReport.Breakage: Int] = [:]
    /// The error of the first stream that was refused or broke; nil if there was none.
    var sample: String?
    /// How many connections were opened.
    var connections = 0
    var executors: [Executor] = []

    var refusedCount: Int { refused.values.reduce(0, +) }
    var brokenCount: Int { broken.values.reduce(0, +) }
    private var seconds: Double { Double(duration) / 1e9 }

    /// Counts a stream that was refused or broke.
    mutating func count(_ breakage: StreamsReport.Breakage, status: Int, said: String) {
        if breakage == .refused { refused[status, default: 0] += 1 } else { broken[breakage, default: 0] += 1 }
        if sample == nil { sample = said }
    }

    // MARK: The executors

    /// The sums of all executors' `counted`; nil if `counted` is nil for all of them.
    var counted: PrefixCounters? {
        let all = executors.compactMap(\.counted)
        guard !all.isEmpty else { return nil }
        return all.reduce(into: PrefixCounters(queries: 0, hits: 0)) {
            $0.queries += $1.queries
            $0.hits += $1.hits
        }
    }

    /// An executor's share, from 0 to 1, of the prompt tokens that all executors looked up in their prefix caches.
    ///
    /// The share is nil if the executor's number of tokens is unknown, or if the total is unknown or 0.
    func share(of executor: Executor) -> Double? {
        guard let all = counted, all.queries > 0, let own = executor.counted else { return nil }
        return own.queries / all.queries
    }

    /// The largest share that an executor has of all looked-up prompt tokens, divided by the mean share.
    ///
    /// The result is 1 if all shares are equal, and nil if no share is known.
    var skew: Double? {
        let shares = executors.compactMap { share(of: $0) }
        return shares.max().map { $0 * Double(shares.count) }
    }

    // MARK: JSON

    /// The report as JSON.
    package var json: String {
        var json = JSONWriter(reserving: 4096)
        json.beginObject()
        json.field("command", command)
        json.field("url", url)
        json.field("protocol", spoken)
        json.field("interrupted", isInterrupted)
        json.field("seconds", Text.rounded(seconds))
        json.field("trace_requests", traceRequests)
        json.field("planned", planned)
        json.field("requests", sent)
        json.field("answered", answered)
        json.field("left", left)
        json.field("most_running", mostRunning)
        json.field("connections", connections)
        writeFailures(to: &json)
        json.field("prompt_tokens", promptTokens)
        json.key("first_token_ms")
        firstToken.write(to: &json)
        json.key("late_ms")
        late.write(to: &json)
        writeExecutors(to: &json)
        json.endObject()
        return String(decoding: json.bytes, as: UTF8.self)
    }

    private func writeFailures(to json: inout JSONWriter) {
        json.field("refused", refusedCount)
        json.key("refused_by_status")
        json.beginObject()
        for (status, count) in refused.sorted(by: { $0.key < $1.key }) { json.field(named: "\(status)", count) }
        json.endObject()
        json.field("broken", brokenCount)
        json.key("broken_by")
        json.beginObject()
        for cause in Self.causes { json.field(named: cause.rawValue, broken[cause] ?? 0) }
        json.endObject()
        json.field("sample_error", sample)
    }

    private func writeExecutors(to json: inout JSONWriter) {
        write(counted, to: &json)
        Self.write("skew", skew, to: &json)
        json.key("executors")
        json.beginArray()
        for executor in executors {
            json.beginObject()
            json.field("url", executor.url)
            write(executor.counted, to: &json)
            Self.write("share", share(of: executor), to: &json)
            json.endObject()
        }
        json.endArray()
    }

    private func write(_ counters: PrefixCounters?, to json: inout JSONWriter) {
        Self.write("queries", counters?.queries, to: &json)
        Self.write("hits", counters?.hits, to: &json)
        Self.write("hit_ratio", counters?.ratio, to: &json)
    }

    /// Writes a number with four decimal places, or null.
    private static func write(_ name: StaticString, _ number: Double?, to json: inout JSONWriter) {
        json.key(name)
        if let number { json.value((number * 10_000).rounded() / 10_000) } else { json.null() }
    }

    private static let causes = StreamsReport.Breakage.allCases.filter { $0 != .refused }

    // MARK: Text

    /// The report as a text table, whose last line is the command that repeats the run.
    package var text: String {
        var lines = [
            "\(url): \(spoken), \(planned) of the trace's \(traceRequests) requests, "
                + "\(Text.fixed(seconds, digits: 1)) s\(isInterrupted ? " (interrupted)" : "")",
            "",
            "requests      \(sent) sent, \(answered) answered, at most \(mostRunning) at once, "
                + "on \(connections) connections",
            "broken        " + Self.list(Self.causes.map { ($0.rawValue, broken[$0] ?? 0) }),
            "refused       " + Self.list(refused.sorted { $0.key < $1.key }.map { ("with \($0.key)", $0.value) }),
        ]
        if let sample { lines.append("              \(sample)") }
        if left > 0 { lines.append("left          \(left) streams had not ended") }
        lines.append("prompts       \(promptTokens) tokens by the trace")
        lines += executorLines
        lines.append("")
        let heads = ["mean", "p50", "p90", "p99", "max"].map { Text.right($0, 12) }
        lines.append(Text.left("milliseconds", 14) + heads.joined())
        lines.append(Self.row("first token", firstToken))
        lines.append(Self.row("sent late", late))
        return (lines + ["", command]).joined(separator: "\n")
    }

    private var executorLines: [String] {
        guard !executors.isEmpty else { return [] }
        var lines: [String] = []
        if let counted {
            lines.append("hit ratio     \(Self.ratio(counted.ratio)): \(Self.words(counted))")
            lines.append("skew          \(Self.ratio(skew)), the largest share of the tokens over the mean share")
        }
        for executor in executors {
            guard let counted = executor.counted else {
                lines.append("              \(executor.url): the counters could not be read after the run")
                continue
            }
            lines.append(
                "              \(executor.url): share \(Self.ratio(share(of: executor))), "
                    + "hit ratio \(Self.ratio(counted.ratio))"
            )
        }
        return lines
    }

    private static func words(_ counters: PrefixCounters) -> String {
        "\(Text.fixed(counters.hits, digits: 0)) of \(Text.fixed(counters.queries, digits: 0)) tokens, "
            + "by the executors' counters"
    }

    private static func ratio(_ value: Double?) -> String { value.map { Text.fixed($0, digits: 3) } ?? "unknown" }

    /// The total and the count of each name, such as `3: 2 reset, 1 cut`; `0` if all counts are 0.
    private static func list(_ counts: [(name: String, count: Int)]) -> String {
        let present = counts.filter { $0.count > 0 }
        guard !present.isEmpty else { return "0" }
        let total = present.reduce(0) { $0 + $1.count }
        return "\(total): " + present.map { "\($0.count) \($0.name)" }.joined(separator: ", ")
    }

    private static func row(_ name: String, _ distribution: Distribution) -> String {
        let percentiles = [50, 90, 99].map { distribution.percentile($0) }
        let columns = ([distribution.mean] + percentiles + [distribution.maximum]).map { Text.fixed($0, digits: 3) }
        return Text.left(name, 14) + columns.map { Text.right($0, 12) }.joined()
    }
}
