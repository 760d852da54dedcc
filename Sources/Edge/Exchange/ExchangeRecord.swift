// What is remembered of an exchange for its one line in the log. Never a prompt, a completion or a key.
internal import HTTP
internal import Inference
internal import Transport

struct ExchangeRecord {
    var requestID: String
    var client: SocketAddress
    var version: HTTPVersion
    var method: Method
    /// Without its query.
    var path: String
    var began: Nanoseconds
    var bodyEnded: Nanoseconds = 0
    /// When it first waited for an executor, since when it waits now, and how long it has waited in all.
    var queueBegan: Nanoseconds = 0
    var waitsSince: Nanoseconds = 0
    var queued: Nanoseconds = 0
    var attemptBegan: Nanoseconds = 0
    var committed: Nanoseconds = 0
    /// Who asked; the public name of their key.
    var tenant: String?
    var key: String?
    var model: String?
    var executor: String?
    /// Attempts so far, and why those before the last one failed.
    var attempts = 0
    private var failures: [FailedAttempt] = []
    var status = 0
    var bytesIn = 0
    var isStream = false

    private struct FailedAttempt {
        var executor: String
        var failure: Failure
        var duration: Nanoseconds
    }

    /// The attempt under way has failed.
    mutating func failed(_ failure: Failure, at now: Nanoseconds) {
        guard let executor else { return }
        failures.append(FailedAttempt(executor: executor, failure: failure, duration: now &- attemptBegan))
    }

    init(head: RequestHead, client: SocketAddress, requestID: String, now: Nanoseconds) {
        self.requestID = requestID
        self.client = client
        version = head.version
        method = head.method
        path = String(decoding: head.target.prefix { $0 != UInt8(ascii: "?") }.prefix(256), as: UTF8.self)
        began = now
    }

    /// The line, as JSON.
    func line(
        end: ExchangeMachine.End,
        meter: Meter?,
        usage: AnswerScan?,
        bytesOut: Int,
        now: Nanoseconds
    ) -> [UInt8] {
        let wall = Clock.wallTime()
        var json = JSONWriter(reserving: 512)
        json.beginObject()
        json.field("time", Timestamp.rfc3339(seconds: wall.seconds, microseconds: wall.microseconds))
        json.field("request_id", requestID)
        json.field("client", client.host)
        json.field("protocol", version.label)
        json.field("method", method.text)
        json.field("path", path)
        json.field("status", status)
        write(end, to: &json)
        json.field("duration_ms", milliseconds(now &- began))
        json.field("bytes_in", bytesIn)
        json.field("bytes_out", bytesOut)
        if let tenant { json.field("tenant", tenant) }
        if let key { json.field("key", key) }
        if let model { json.field("model", model) }
        if let executor { json.field("executor", executor) }
        if attempts > 0 { json.field("attempts", attempts) }
        if attempts > 1 { writeFailures(to: &json) }
        if bodyEnded > 0 { json.field("body_ms", milliseconds(bodyEnded &- began)) }
        if queueBegan > 0 { json.field("queue_ms", milliseconds(queued)) }
        if attemptBegan > 0, committed >= attemptBegan {
            json.field("wait_ms", milliseconds(committed &- attemptBegan))
        }
        if let meter, isStream { write(meter, to: &json) }
        if let usage, !isStream { write(usage, to: &json) }
        json.endObject()
        return json.bytes
    }

    /// Why there was another attempt, each time.
    private func writeFailures(to json: inout JSONWriter) {
        json.key("failed_attempts")
        json.beginArray()
        for attempt in failures.prefix(attempts - 1) {
            json.beginObject()
            json.field("executor", attempt.executor)
            json.field("end", attempt.failure.label)
            if let detail = attempt.failure.detail { json.field("detail", detail) }
            json.field("duration_ms", milliseconds(attempt.duration))
            json.endObject()
        }
        json.endArray()
    }

    private func write(_ end: ExchangeMachine.End, to json: inout JSONWriter) {
        switch end {
        case .complete: json.field("end", "complete")
        case .clientLeft:
            json.field("end", Failure.Kind.clientLeft.label)
            json.field("side", Failure.Side.client.rawValue)
        case .failed(let failure):
            json.field("end", failure.label)
            json.field("side", failure.side.rawValue)
            if let detail = failure.detail { json.field("detail", detail) }
        }
    }

    private func write(_ meter: Meter, to json: inout JSONWriter) {
        json.field("stream", true)
        json.field("events", meter.events)
        json.field("tokens", meter.completionTokens ?? meter.tokens)
        json.field("tokens_estimated", meter.completionTokens == nil)
        if let prompt = meter.promptTokens { json.field("prompt_tokens", prompt) }
        if meter.firstToken > 0 { json.field("first_token_ms", milliseconds(meter.firstToken &- began)) }
        if meter.gapCount > 0 {
            json.field("gap_mean_ms", milliseconds(meter.gapSum / UInt64(meter.gapCount)))
            json.field("gap_max_ms", milliseconds(meter.longestGap))
        }
        if let reason = meter.finishReason { json.field("finish_reason", reason) }
    }

    private func write(_ usage: AnswerScan, to json: inout JSONWriter) {
        json.field("stream", false)
        if let tokens = usage.completionTokens { json.field("tokens", tokens) }
        if let prompt = usage.promptTokens { json.field("prompt_tokens", prompt) }
        if let reason = usage.finishReason { json.field("finish_reason", reason) }
    }

    private func milliseconds(_ nanoseconds: Nanoseconds) -> Double {
        Double(nanoseconds / 10_000) / 100
    }
}

extension HTTPVersion {
    var label: String {
        switch self {
        case .http10: "HTTP/1.0"
        case .http11: "HTTP/1.1"
        case .http2: "HTTP/2"
        }
    }
}
