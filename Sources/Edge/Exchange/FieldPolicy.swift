// Which header fields pass from a client to an executor, and from an executor to a client. In both directions only
// listed fields pass, because an unknown field could give one side control or information that it must not have.
internal import HTTP
internal import Inference
internal import Transport

/// Decides which header fields pass between clients and executors.
///
/// docs/fields.md documents the lists of fields; a test compares the document with the code.
enum FieldPolicy {
    /// Whether the client refuses keep-alive bytes, with the field `x-freeinference-keep-alive: off`.
    ///
    /// Keep-alive bytes are the comments, `ping` events or spaces that the edge sends while it has nothing to relay.
    static func refusesComments(_ fields: FieldBlock) -> Bool {
        fields.string(named: "x-freeinference-keep-alive")?.lowercased() == "off"
    }

    /// The value of the first header field that names the client's session, cut at 128 bytes; nil if there is none.
    ///
    /// Empty fields are skipped. Fields with an underscore, such as `session_id`, are read too, but never sent to an
    /// executor.
    static func session(_ fields: FieldBlock) -> String? {
        for index in 0..<fields.count {
            switch fields.known(index) {
            case .xSessionID, .sessionID, .sessionIDUnderscored, .claudeCodeSession, .xSessionAffinity, .conversationID:
                let value = fields.value(index)
                if !value.isEmpty { return String(decoding: value.prefix(sessionKept), as: UTF8.self) }
            default: continue
            }
        }
        return nil
    }
    /// How many bytes of the value that names the client's session are kept; the rest is cut off.
    private static let sessionKept = 128

    /// The header fields of a request to an executor, made from the header fields of the client's request.
    ///
    /// - Parameters:
    ///   - forwarded: The configured fields that pass in addition to the fixed list.
    ///   - client: The address of the client, which is sent to the executor if `forwarded` allows it.
    ///   - version: The HTTP version of the client's request, for `via`.
    ///   - instance: The id of this process, which is added to the client's list in `cdn-loop`.
    static func toExecutor(
        _ fields: FieldBlock,
        forwarded: ForwardedFields,
        client: SocketAddress? = nil,
        version: HTTPVersion,
        requestID: String,
        instance: String,
        credential: ExecutorCredential?
    ) -> FieldBlock {
        var kept = FieldBlock()
        kept.reserve(bytes: 512, fields: 16)
        let hopByHop = HopByHop(of: fields)
        var hasLoopList = false
        for index in 0..<fields.count {
            let known = fields.known(index)
            // `cdn-loop` passes even if the client names it in `connection`, because a client must not be able to hide
            // a loop.
            if known == .cdnLoop { hasLoopList = true }
            guard known != .cdnLoop, !hopByHop.contains(index, in: fields) else { continue }
            switch known {
            case .accept, .anthropicBeta, .anthropicVersion, .baggage, .claudeCodeSession, .clientRequestID,
                .codexTurnState, .idempotencyKey, .openAIBeta, .originator, .sessionID, .threadID, .traceparent,
                .tracestate, .xApp, .xSessionAffinity, .xSessionID:
                kept.append(known, fields.value(index))
            case .contentType:
                // Only the first `content-type` passes, so that the executor reads the body in the same way as the
                // edge.
                if kept.first(.contentType) == nil { kept.append(known, fields.value(index)) }
            case .userAgent:
                if forwarded.hasUserAgent { kept.append(known, fields.value(index)) }
            case .other:
                guard forwarded.has(fields.name(index)) else { continue }
                kept.append(name: fields.name(index).span, value: fields.value(index).span)
            default:
                guard forwarded.names(fields.name(index)) else { continue }
                kept.append(known, fields.value(index))
            }
        }
        // The executor is asked for uncompressed answers, because the edge reads events and counts tokens, but does not
        // decompress.
        kept.append(.acceptEncoding, "identity")
        kept.append(.requestID, requestID)
        kept.append(.via, via(version))
        if hasLoopList {
            CDNLoop.append(fields, instance: instance, to: &kept)
        } else {
            kept.append(.cdnLoop, instance)
        }
        // The client's own `x-forwarded-for` and `x-real-ip` never pass, so each of the two fields has one value.
        if forwarded.hasClient, let client, !client.isUnix {
            let address = Array(client.host.utf8)
            kept.append(.xForwardedFor, address)
            kept.append(.xRealIP, address)
        }
        credential?.append(to: &kept)
        return kept
    }

    /// The value of `via` (RFC 9110 section 7.6.3): the version of the client's request, and the name of this server.
    private static func via(_ version: HTTPVersion) -> String {
        switch version {
        case .http10: "1.0 freeinference"
        case .http11: "1.1 freeinference"
        case .http2: "2 freeinference"
        }
    }

    /// The header fields of a response to a client, made from the header fields of the executor's response.
    ///
    /// The result has no `content-length`, which the caller adds. If the executor sends a field twice, only the first
    /// one passes.
    static func toClient(
        _ fields: FieldBlock,
        isEventStream: Bool,
        requestID: String,
        dialect: Dialect
    ) -> FieldBlock {
        var kept = FieldBlock()
        kept.reserve(bytes: 384, fields: 10)
        let hopByHop = HopByHop(of: fields)
        for index in 0..<fields.count where !hopByHop.contains(index, in: fields) {
            let known = fields.known(index)
            switch known {
            case .contentType, .contentEncoding:
                // The edge sets its own `content-type` for an event stream. For a document, `content-type` and
                // `content-encoding` pass as the executor has sent them.
                if isEventStream { continue }
            case .codexTurnState, .contentDisposition:
                if namesURL(fields.value(index)) { continue }
            case .retryAfter, .retryAfterMs: break
            default: guard passesOfEachAnswer(known, fields.value(index)) else { continue }
            }
            if kept.first(known) == nil { kept.append(known, fields.value(index)) }
        }
        if isEventStream { appendEventStream(to: &kept) }
        appendRequestID(requestID, dialect: dialect, to: &kept)
        return kept
    }

    /// Adds those header fields of an executor's error response that may pass to the client and that `extra` lacks.
    static func appendOfError(_ fields: FieldBlock, to extra: inout FieldBlock) {
        let hopByHop = HopByHop(of: fields)
        for index in 0..<fields.count where !hopByHop.contains(index, in: fields) {
            let known = fields.known(index)
            switch known {
            // If the executor's `retry-after` could be parsed, the caller has already added it to `extra`.
            case .retryAfter, .retryAfterMs:
                if extra.first(.retryAfter) != nil || extra.first(.retryAfterMs) != nil { continue }
            default: guard passesOfEachAnswer(known, fields.value(index)) else { continue }
            }
            if extra.first(known) == nil { extra.append(known, fields.value(index)) }
        }
    }

    /// Whether a field may pass with every kind of answer, including an error.
    private static func passesOfEachAnswer(_ name: FieldName, _ value: ArraySlice<UInt8>) -> Bool {
        switch name {
        case .contentLanguage, .openAIModel, .openAIProcessing, .openAIVersion, .traceresponse: !namesURL(value)
        case .xShouldRetry: true
        default: false
        }
    }

    /// Whether the value contains `://`: some gateways put internal URLs into their fields.
    private static func namesURL(_ value: ArraySlice<UInt8>) -> Bool {
        var index = value.startIndex
        while index + 2 < value.endIndex {
            if value[index] == 0x3A, value[index + 1] == 0x2F, value[index + 2] == 0x2F { return true }
            index += 1
        }
        return false
    }

    /// Adds the header fields of an event stream: its content type, and the fields that keep proxies from buffering it.
    static func appendEventStream(to fields: inout FieldBlock) {
        fields.append(.contentType, "text/event-stream; charset=utf-8")
        appendUnbuffered(to: &fields)
    }

    /// Adds the fields that keep proxies from buffering, storing or changing a response.
    static func appendUnbuffered(to fields: inout FieldBlock) {
        fields.append(.cacheControl, "no-cache, no-transform")
        fields.append(.xAccelBuffering, "no")
    }

    /// Adds `x-request-id`, and in the dialects of Anthropic also `request-id`, which Anthropic's SDK reads.
    static func appendRequestID(_ requestID: String, dialect: Dialect, to fields: inout FieldBlock) {
        fields.append(.requestID, requestID)
        if dialect.isAnthropic { fields.append(name: "request-id", value: requestID) }
    }

    /// Whether the content type is `text/event-stream`.
    static func isEventStream(_ fields: FieldBlock) -> Bool {
        fields.begins(.contentType, with: "text/event-stream")
    }

    /// Whether an answer is JSON: by its content type, or by its first byte in dialects where all answers are JSON.
    ///
    /// - Parameter first: The first byte of the body that is not white space.
    static func isJSON(_ head: ResponseHead, in dialect: Dialect, beginsWith first: UInt8?) -> Bool {
        if head.fields.begins(.contentType, with: "application/json") { return true }
        guard dialect != .other, (200..<300).contains(head.status), !isEncoded(head.fields) else { return false }
        return first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
    }

    /// Whether the executor has compressed the body although it was asked not to.
    static func isEncoded(_ fields: FieldBlock) -> Bool {
        guard let encoding = fields.string(.contentEncoding) else { return false }
        return encoding.lowercased() != "identity"
    }
}
