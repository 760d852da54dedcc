// The line of an exchange in the access log, as a JSON object; docs/log.md lists its fields.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension FinishedExchange {
    /// The line for the access log, without the line feed at its end.
    var logLine: [UInt8] {
        var json = JSONWriter(reserving: 960)
        json.beginObject()
        json.field("time", Timestamp.rfc3339(seconds: wallTime.seconds, microseconds: wallTime.microseconds))
        json.field("exchange_id", id.description)
        json.field("request_id", requestID)
        json.field("client", client.address.host)
        if client.source != .peer { json.field("peer", client.peer.host) }
        if let clientCertificate { write(clientCertificate, to: &json) }
        json.field("protocol", version.label)
        json.field("method", method?.text ?? "-")
        let path = target.prefix { $0 != UInt8(ascii: "?") }
        json.field("path", LogText.withoutKeys(String(decoding: path, as: UTF8.self)))
        if let userAgent { json.field("user_agent", LogText.withoutKeys(userAgent)) }
        if let ray = cloudflare?.ray { json.field("cf_ray", ray) }
        if let country = cloudflare?.country { json.field("cf_country", country) }
        if let session { json.field("session", LogText.withoutKeys(session)) }
        if let tenant { json.field("tenant", tenant) }
        json.field("status", status)
        if reportedStatus != status { json.field("told_status", reportedStatus) }
        writeEnd(to: &json)
        json.field("duration_ms", milliseconds: ended &- began)
        json.field("bytes_in", bytesIn)
        json.field("bytes_out", bytesOut)
        if let key { json.field("key", key) }
        if priority.rank != PriorityClass.standard.rank { json.field("priority", priority.rawValue) }
        if let model { json.field("model", model) }
        if let modelAsked { json.field("model_asked", modelAsked) }
        writeAttempts(to: &json)
        writeAnswer(to: &json)
        if let usage { write(usage, to: &json) }
        json.endObject()
        return json.bytes
    }

    private func write(_ certificate: ClientCertificate, to json: inout JSONWriter) {
        json.key("client_certificate")
        json.beginObject()
        json.field("subject", certificate.subject)
        json.field("fingerprint", certificate.fingerprint)
        json.endObject()
    }

    private func writeEnd(to json: inout JSONWriter) {
        switch end {
        case .complete: json.field("end", "complete")
        case .clientLeft:
            json.field("end", Failure.Kind.clientLeft.label)
            json.field("side", Failure.Side.client.rawValue)
        case .failed(let failure):
            json.field("end", failure.label)
            json.field("side", failure.side.rawValue)
            if let detail = failure.detail ?? failure.faultOfRequest { json.field("detail", detail) }
            write(failure.engineError, to: &json)
        }
    }

    /// Writes the status, type and code of an engine's error, and what the edge takes it to mean.
    ///
    /// The engine's message is written only if the configuration asks for it, because the message may quote what the
    /// client has sent.
    private func write(_ error: EngineError?, to json: inout JSONWriter) {
        guard let error else { return }
        json.key("engine_error")
        json.beginObject()
        if let status = error.status ?? error.namedStatus { json.field("status", status) }
        if let type = ErrorRedaction.identifier(error.type) { json.field("type", type) }
        if let code = ErrorRedaction.identifier(error.code) { json.field("code", code) }
        if let param = ErrorRedaction.identifier(error.param) { json.field("param", param) }
        json.field("meaning", error.meaning.label)
        if showsEngineErrors, let message = error.message { json.field("message", ErrorRedaction.redacted(message)) }
        json.endObject()
    }

    /// Writes how many attempts were made, which of them failed, and how long each phase of the last one took.
    private func writeAttempts(to json: inout JSONWriter) {
        let final = last ?? failed.last
        if let final {
            json.field("executor", final.executor)
            if let placement = final.placement {
                json.field("routed_by", placement.reason.rawValue)
                json.field("held_bytes", placement.believedBytes)
            }
            json.field("attempts", failed.count + (last == nil ? 0 : 1))
            writeFailures(to: &json)
        }
        if bodyEnded > 0 { json.field("body_ms", milliseconds: bodyEnded &- began) }
        if let queueWait { json.field("queue_ms", milliseconds: queueWait) }
        guard let final else { return }
        json.field("attempt_ms", milliseconds: final.times.began &- began)
        write(final.times, to: &json)
        if committed >= final.times.began { json.field("wait_ms", milliseconds: committed &- final.times.began) }
    }

    /// Writes the failed attempts.
    ///
    /// If the exchange ended with the failure of its last attempt, that attempt is left out here. Its failure is in the
    /// member `end` of the log line.
    private func writeFailures(to json: inout JSONWriter) {
        var listed = failed[...]
        if last == nil, let failure = failed.last?.failure, end == .failed(failure) { listed.removeLast() }
        guard !listed.isEmpty else { return }
        json.key("failed_attempts")
        json.beginArray()
        for attempt in listed {
            json.beginObject()
            json.field("executor", attempt.executor)
            if let failure = attempt.failure {
                json.field("end", failure.label)
                if let detail = failure.detail { json.field("detail", detail) }
                write(failure.engineError, to: &json)
            }
            json.field("attempt_ms", milliseconds: attempt.times.began &- began)
            write(attempt.times, to: &json)
            json.field("duration_ms", milliseconds: attempt.duration)
            json.endObject()
        }
        json.endArray()
    }

    /// Writes the fields about the answer, if it has the form that the request asked for: a stream or a JSON document.
    private func writeAnswer(to json: inout JSONWriter) {
        if wantsStream, let stream {
            write(stream, to: &json)
        } else if !wantsStream, isScannedDocument {
            json.field("stream", false)
        } else {
            return
        }
        if let finishReason { json.field("finish_reason", finishReason) }
    }

    private func write(_ stream: Stream, to json: inout JSONWriter) {
        json.field("stream", true)
        json.field("events", stream.events)
        if stream.firstToken > 0 { json.field("first_token_ms", milliseconds: stream.firstToken &- began) }
        if stream.gapCount > 0 {
            json.field("gap_mean_ms", milliseconds: stream.gapSum / UInt64(stream.gapCount))
            json.field("gap_max_ms", milliseconds: stream.longestGap)
        }
    }

    private func write(_ usage: Usage, to json: inout JSONWriter) {
        json.field("tokens", usage.output)
        json.field("tokens_estimated", usage.isOutputEstimated)
        json.field("prompt_tokens", usage.input)
        json.field("prompt_tokens_estimated", usage.isInputEstimated)
        if usage.isCapped { json.field("usage_capped", true) }
        if let cached = usage.cached { json.field("cached_tokens", cached) }
        if let reasoning = usage.reasoning { json.field("reasoning_tokens", reasoning) }
    }

    private func write(_ times: Attempt.Times, to json: inout JSONWriter) {
        if times.sent > 0 { json.field("sent_ms", milliseconds: times.sent) }
        if times.head > 0 { json.field("head_ms", milliseconds: times.head) }
    }
}

extension HTTPVersion {
    /// The HTTP version in the form of the log line.
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

extension Failure {
    /// The message that says what is wrong with the request; nil for a failure that is not the request's fault.
    fileprivate var faultOfRequest: String? {
        let faults = [400, 413, 414, 415, 417, 431, 501, 505]
        return kind != .executorError && side == .client && faults.contains(status) ? message : nil
    }
}
