// What is remembered of an exchange for its one line in the log. Never a prompt, a completion or a key.
internal import HTTP
internal import Inference
internal import Transport

struct ExchangeRecord {
    var requestID: String
    var version: HTTPVersion
    var method: Method
    /// What is kept of a text of the client's, in bytes.
    private static let textKept = 256
    /// As it came: the line has it without its query.
    private var target: [UInt8]
    var began: Nanoseconds
    var bodyEnded: Nanoseconds = 0
    private(set) var attemptBegan: Nanoseconds = 0
    private var attemptTimes = AttemptTimes()
    /// When it first waited for an executor, when it last began to, and when that ended: 0 while it goes on.
    var queueBegan: Nanoseconds = 0
    private var waitsSince: Nanoseconds = 0
    private(set) var queueEnded: Nanoseconds = 0
    /// How long the waits that are over have taken.
    private var queued: Nanoseconds = 0
    var committed: Nanoseconds = 0
    /// Who asks: the one place where log and metrics take the tenant from.
    var tenant = "anonymous"
    /// They gave a key that is none, or none where one is needed.
    var isUnknown = false
    /// The public name of their key.
    var key: String?
    private var userAgent: String?
    var model: String?
    /// What the worker counts of its model.
    var row: ModelRow?
    private(set) var executor: String?
    /// Attempts so far, and why those before the last one failed.
    private(set) var attempts = 0
    /// The last attempt is among the counters.
    var isAttemptCounted = false
    /// The executor of the last attempt has the request, and has not failed it.
    private(set) var isWithExecutor = false
    /// Of the last attempt; 0 until it is there.
    private(set) var answerStatus = 0
    /// Of response body, that waited for the client when it was cut off.
    var bytesLost = 0
    private var failures: [FailedAttempt] = []
    var status = 0
    var bytesIn = 0
    var isStream = false

    /// From the begin of an attempt; 0 for what did not come to be.
    private struct AttemptTimes {
        /// The request is with the kernel: connecting, if it had to be, is in it.
        var sent: Nanoseconds = 0
        var head: Nanoseconds = 0
    }

    private struct FailedAttempt {
        var executor: String
        var failure: Failure
        var began: Nanoseconds
        var duration: Nanoseconds
        var times: AttemptTimes
    }

    mutating func attemptBegins(at executor: String, _ now: Nanoseconds) {
        self.executor = executor
        attempts += 1
        attemptBegan = now
        attemptTimes = AttemptTimes()
        isAttemptCounted = false
        isWithExecutor = false
        answerStatus = 0
    }

    mutating func requestSent(_ now: Nanoseconds) {
        attemptTimes.sent = max(1, now &- attemptBegan)
        isWithExecutor = true
    }

    /// The answer's head is there.
    mutating func answered(_ status: Int, at now: Nanoseconds) {
        attemptTimes.head = max(1, now &- attemptBegan)
        answerStatus = status
        // An answer that comes before the request is whole.
        isWithExecutor = true
    }

    mutating func waits(since now: Nanoseconds) {
        if queueBegan == 0 { queueBegan = now }
        waitsSince = now
        queueEnded = 0
    }

    mutating func waited(until now: Nanoseconds) {
        queued += now &- waitsSince
        queueEnded = now
    }

    /// In all, also if it was put back.
    func queueWait(at now: Nanoseconds) -> Nanoseconds {
        queueBegan > 0 && queueEnded == 0 ? queued + (now &- waitsSince) : queued
    }

    /// The attempt under way has failed.
    mutating func failed(_ failure: Failure, at now: Nanoseconds) {
        guard let executor else { return }
        isWithExecutor = false
        failures.append(
            FailedAttempt(
                executor: executor,
                failure: failure,
                began: attemptBegan,
                duration: now &- attemptBegan,
                times: attemptTimes
            )
        )
    }

    init(head: RequestHead, requestID: String, now: Nanoseconds) {
        self.requestID = requestID
        version = head.version
        method = head.method
        target = head.target.count <= Self.textKept ? head.target : Array(head.target.prefix(Self.textKept))
        userAgent = head.fields.first(.userAgent).map { String(decoding: $0.prefix(Self.textKept), as: UTF8.self) }
        began = now
    }

    /// The line, as JSON.
    func line(
        client: SocketAddress,
        end: ExchangeMachine.End,
        meter: Meter?,
        usage: Usage?,
        answer: AnswerScan?,
        bytesOut: Int,
        now: Nanoseconds
    ) -> [UInt8] {
        let wall = Clock.wallTime()
        var json = JSONWriter(reserving: 960)
        json.beginObject()
        json.field("time", Timestamp.rfc3339(seconds: wall.seconds, microseconds: wall.microseconds))
        json.field("request_id", requestID)
        json.field("client", client.host)
        json.field("protocol", version.label)
        json.field("method", method.text)
        json.field("path", String(decoding: target.prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self))
        if let userAgent { json.field("user_agent", userAgent) }
        if !isUnknown { json.field("tenant", tenant) }
        json.field("status", status)
        write(end, to: &json)
        json.field("duration_ms", milliseconds: now &- began)
        json.field("bytes_in", bytesIn)
        json.field("bytes_out", bytesOut)
        if let key { json.field("key", key) }
        if let model { json.field("model", model) }
        if let executor { json.field("executor", executor) }
        if attempts > 0 { json.field("attempts", attempts) }
        if attempts > 1 { writeFailures(to: &json) }
        if bodyEnded > 0 { json.field("body_ms", milliseconds: bodyEnded &- began) }
        if queueBegan > 0 { json.field("queue_ms", milliseconds: queueWait(at: now)) }
        if attempts > 0 {
            json.field("attempt_ms", milliseconds: attemptBegan &- began)
            write(attemptTimes, to: &json)
        }
        if attemptBegan > 0, committed >= attemptBegan {
            json.field("wait_ms", milliseconds: committed &- attemptBegan)
        }
        if let meter, isStream { write(meter, to: &json) }
        if let answer, !isStream { write(answer, to: &json) }
        if let usage { write(usage, to: &json) }
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
            json.field("attempt_ms", milliseconds: attempt.began &- began)
            write(attempt.times, to: &json)
            json.field("duration_ms", milliseconds: attempt.duration)
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
        if meter.firstToken > 0 { json.field("first_token_ms", milliseconds: meter.firstToken &- began) }
        if meter.gapCount > 0 {
            json.field("gap_mean_ms", milliseconds: meter.gapSum / UInt64(meter.gapCount))
            json.field("gap_max_ms", milliseconds: meter.longestGap)
        }
        if let reason = meter.finishReason { json.field("finish_reason", reason) }
    }

    private func write(_ answer: AnswerScan, to json: inout JSONWriter) {
        json.field("stream", false)
        if let reason = answer.finishReason { json.field("finish_reason", reason) }
    }

    private func write(_ usage: Usage, to json: inout JSONWriter) {
        json.field("tokens", usage.output)
        json.field("tokens_estimated", usage.isOutputEstimated)
        json.field("prompt_tokens", usage.input)
        json.field("prompt_tokens_estimated", usage.isInputEstimated)
    }

    private func write(_ times: AttemptTimes, to json: inout JSONWriter) {
        if times.sent > 0 { json.field("sent_ms", milliseconds: times.sent) }
        if times.head > 0 { json.field("head_ms", milliseconds: times.head) }
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

extension JSONWriter {
    fileprivate mutating func field(_ name: StaticString, milliseconds nanoseconds: Nanoseconds) {
        field(name, hundredths: Int(clamping: nanoseconds / 10_000))
    }
}
