// The figures of `bench aborts`, as text or JSON.
internal import Inference
internal import Transport

/// The result of one run of `bench aborts`.
package struct AbortsReport {
    /// The measurements for one phase of a request in which the bench resets streams.
    struct Figures {
        var phase: AbortPhase
        var resets = 0
        /// The times from each reset until the executor noticed it, calculated from the executor's time stamp.
        var delay = Distribution()
        /// How many aborts the executor noticed, by the phase of the request that the executor reported: `body`,
        /// `prefill` or `stream`.
        var executorPhases: [String: Int] = [:]
        /// How many requests the executor received while the bench measured this phase, as the executor itself counted.
        var requests = 0
        /// How many streams ended before they could be reset.
        var endedBefore = 0

        /// How many aborts the executor should have reported but did not.
        ///
        /// In the phase `body`, an abort is expected only for requests that the executor has received.
        var unseen: Int { max(0, (phase == .body ? min(requests, resets) : resets) - delay.count) }
    }

    var url = ""
    var executor = ""
    var spoken = ""
    var figures: [Figures] = []
    /// The phase and the error of the first stream that ended before it could be reset; nil if there was none.
    var sample: String?
    /// Whether a signal ended the run early.
    package internal(set) var isInterrupted = false

    /// Whether the run ended normally: each phase had a reset, and the executor reported every expected abort.
    package var isComplete: Bool { !isInterrupted && figures.allSatisfy { $0.unseen == 0 && $0.resets > 0 } }

    /// The report as JSON.
    package var json: String {
        var json = JSONWriter(reserving: 2048)
        json.beginObject()
        json.field("url", url)
        json.field("executor", executor)
        json.field("protocol", spoken)
        json.field("interrupted", isInterrupted)
        json.key("phases")
        json.beginObject()
        for phase in figures {
            json.key(named: phase.phase.rawValue)
            json.beginObject()
            json.field("resets", phase.resets)
            json.field("requests", phase.requests)
            json.field("seen", phase.delay.count)
            json.field("unseen", phase.unseen)
            json.field("ended_before", phase.endedBefore)
            json.key("delay_ms")
            phase.delay.write(to: &json)
            json.key("executor_phases")
            json.beginObject()
            for (name, count) in phase.executorPhases.sorted(by: { $0.key < $1.key }) { json.field(named: name, count) }
            json.endObject()
            json.endObject()
        }
        json.endObject()
        json.field("sample_error", sample)
        json.endObject()
        return String(decoding: json.bytes, as: UTF8.self)
    }

    /// The report as a text table.
    package var text: String {
        var lines = ["\(url): \(spoken); executor \(executor)\(isInterrupted ? " (interrupted)" : "")", ""]
        let heads = ["resets", "requests", "seen", "unseen", "p50 ms", "p99 ms", "max ms"]
        lines.append(Text.left("phase", 10) + heads.map { Text.right($0, 10) }.joined() + "  the executor was in")
        for phase in figures {
            let counts = [phase.resets, phase.requests, phase.delay.count, phase.unseen].map(String.init)
            let times =
                phase.delay.count == 0
                ? ["-", "-", "-"]
                : [phase.delay.percentile(50), phase.delay.percentile(99), phase.delay.maximum]
                    .map { Text.fixed($0, digits: 3) }
            let seen = phase.executorPhases.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            lines.append(
                Text.left(phase.phase.rawValue, 10) + (counts + times).map { Text.right($0, 10) }.joined() + "  "
                    + (phase.requests == 0 ? "nothing: no request reached it" : seen.joined(separator: ", "))
            )
        }
        for phase in figures where phase.endedBefore > 0 {
            lines.append("\(phase.phase.rawValue): \(phase.endedBefore) streams ended before they were reset")
        }
        if let sample { lines.append("the first of them: \(sample)") }
        return lines.joined(separator: "\n")
    }
}
