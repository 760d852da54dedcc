// Which header fields pass: from a client to an executor, and back. Both are lists of what passes: a field that nobody
// has thought of may say what is not the other side's to say or to know.
internal import HTTP
internal import Inference

enum FieldPolicy {
    /// `x-freeinference-keep-alive: off`: a client that cannot do with comments would rather hear nothing for long.
    static func wantsSilence(_ fields: FieldBlock) -> Bool {
        fields.string(named: "x-freeinference-keep-alive")?.lowercased() == "off"
    }

    /// The session that a client names, in the first field that does; also by names with an underscore, which no
    /// executor gets.
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
    /// What is kept of it, in bytes.
    private static let sessionKept = 128

    /// The fields of a client's request, as an executor gets them.
    ///
    /// - Parameters:
    ///   - forwarded: What passes beside what always does.
    ///   - version: Of the client's request, for `via`.
    static func toExecutor(
        _ fields: FieldBlock,
        forwarded: ForwardedFields,
        version: HTTPVersion,
        requestID: String,
        credential: ExecutorCredential?
    ) -> FieldBlock {
        var kept = FieldBlock()
        kept.reserve(bytes: 512, fields: 16)
        let hopByHop = HopByHop(of: fields)
        for index in 0..<fields.count where !hopByHop.contains(index, in: fields) {
            let known = fields.known(index)
            switch known {
            case .accept, .anthropicBeta, .anthropicVersion, .baggage, .claudeCodeSession, .clientRequestID,
                .codexTurnState, .idempotencyKey, .openAIBeta, .originator, .sessionID, .threadID, .traceparent,
                .tracestate, .xApp, .xSessionAffinity, .xSessionID:
                kept.append(known, fields.value(index))
            case .contentType:
                // Of two, ours is the first: an executor is not to read the body by the other.
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
        // Events must reach us as they are: a compressed stream could be neither split nor metered.
        kept.append(.acceptEncoding, "identity")
        kept.append(.requestID, requestID)
        kept.append(.via, via(version))
        credential?.append(to: &kept)
        return kept
    }

    /// RFC 9110 section 7.6.3: the version that the request came in, and a name for us.
    private static func via(_ version: HTTPVersion) -> String {
        switch version {
        case .http10: "1.0 freeinference"
        case .http11: "1.1 freeinference"
        case .http2: "2 freeinference"
        }
    }

    /// The fields of an executor's answer, as the client gets them.
    ///
    /// `content-length` is left to who sends the body. Of a field that an executor sends twice the first passes.
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
                // Without its encoding the body of a document could not be read.
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

    /// Adds what an executor says of an error beside its body, where nothing of it is there already.
    static func appendOfError(_ fields: FieldBlock, to extra: inout FieldBlock) {
        let hopByHop = HopByHop(of: fields)
        for index in 0..<fields.count where !hopByHop.contains(index, in: fields) {
            let known = fields.known(index)
            switch known {
            // The failure's own, read in every form, is there where it has one to tell.
            case .retryAfter, .retryAfterMs:
                if extra.first(.retryAfter) != nil || extra.first(.retryAfterMs) != nil { continue }
            default: guard passesOfEachAnswer(known, fields.value(index)) else { continue }
            }
            if extra.first(known) == nil { extra.append(known, fields.value(index)) }
        }
    }

    /// Whether a field passes beside a good answer and beside an error.
    private static func passesOfEachAnswer(_ name: FieldName, _ value: ArraySlice<UInt8>) -> Bool {
        switch name {
        case .contentLanguage, .openAIModel, .openAIProcessing, .openAIVersion, .traceresponse: !namesURL(value)
        case .xShouldRetry: true
        default: false
        }
    }

    /// Some gateways tell where they have sent a request.
    private static func namesURL(_ value: ArraySlice<UInt8>) -> Bool {
        var index = value.startIndex
        while index + 2 < value.endIndex {
            if value[index] == 0x3A, value[index + 1] == 0x2F, value[index + 2] == 0x2F { return true }
            index += 1
        }
        return false
    }

    /// What every event stream of ours says (client-apis.md 3.5): nothing between us and the client may buffer it.
    static func appendEventStream(to fields: inout FieldBlock) {
        fields.append(.contentType, "text/event-stream; charset=utf-8")
        fields.append(.cacheControl, "no-cache, no-transform")
        fields.append(.xAccelBuffering, "no")
    }

    /// `x-request-id`, and under the name that Anthropic's SDK reads in its dialect.
    static func appendRequestID(_ requestID: String, dialect: Dialect, to fields: inout FieldBlock) {
        fields.append(.requestID, requestID)
        if dialect.isAnthropic { fields.append(name: "request-id", value: requestID) }
    }

    static func isEventStream(_ fields: FieldBlock) -> Bool {
        fields.begins(.contentType, with: "text/event-stream")
    }

    /// The answer says that it is JSON, or looks so where the dialect has no other answers.
    ///
    /// - Parameter first: The first byte of the body that is no space.
    static func isJSON(_ head: ResponseHead, in dialect: Dialect, beginsWith first: UInt8?) -> Bool {
        if head.fields.begins(.contentType, with: "application/json") { return true }
        guard dialect != .other, (200..<300).contains(head.status), !isEncoded(head.fields) else { return false }
        return first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
    }

    /// The executor compressed although we asked it not to.
    static func isEncoded(_ fields: FieldBlock) -> Bool {
        guard let encoding = fields.string(.contentEncoding) else { return false }
        return encoding.lowercased() != "identity"
    }
}
