// Which header fields pass: from a client to an executor, and back (design.md, Header fields).
internal import HTTP
internal import Inference

enum FieldPolicy {
    private static let forwardedPrefix = Array("x-forwarded-".utf8)
    private static let cloudflarePrefix = Array("cf-".utf8)
    private static let requestIDName = Array("request-id".utf8)
    /// Of fields that are for the edge alone.
    private static let ownPrefix = Array("x-freeinference-".utf8)
    private static let rateLimitPrefix = Array("x-ratelimit-".utf8)
    /// Which pages of which origins may read an answer is the edge's to say (`CrossOriginPolicy`), never an executor's.
    private static let crossOriginPrefix = Array("access-control-".utf8)
    /// Addresses, attributions and origins that are the edge's to know, and no executor's: Ollama refuses those that it
    /// does not know.
    private static let clientOnly: [[UInt8]] = ["true-client-ip", "x-real-ip", "http-referer", "x-title", "origin"].map
    {
        Array($0.utf8)
    }

    /// Of answers: fields that name the engine, its host or what stands before it.
    private static let engineOnly: [[UInt8]] = [
        "content-location", "link", "refresh", "x-powered-by", "x-served-by", "x-backend-server",
    ].map { Array($0.utf8) }

    /// `x-freeinference-keep-alive: off`: a client that cannot do with comments would rather hear nothing for long.
    static func wantsSilence(_ fields: FieldBlock) -> Bool {
        fields.string(named: "x-freeinference-keep-alive")?.lowercased() == "off"
    }

    /// The fields of a client's request, as an executor gets them.
    static func toExecutor(_ fields: FieldBlock, requestID: String, credential: ExecutorCredential?)
        -> FieldBlock
    {
        var kept = FieldBlock()
        kept.reserve(bytes: 512, fields: 12)
        let hopByHop = HopByHop(of: fields)
        for index in 0..<fields.count where !hopByHop.contains(index, in: fields) {
            switch fields.known(index) {
            case .authorization, .xAPIKey, .cookie, .forwarded, .xForwardedFor, .acceptEncoding, .contentEncoding,
                .host,
                .contentLength, .expect, .priority, .requestID, .via:
                continue
            case .other:
                let name = fields.name(index)
                if name.starts(with: forwardedPrefix) || name.starts(with: cloudflarePrefix) { continue }
                if name.starts(with: ownPrefix) { continue }
                if clientOnly.contains(where: { name.elementsEqual($0) }) { continue }
                kept.append(name: name.span, value: fields.value(index).span)
            case let known: kept.append(known, fields.value(index))
            }
        }
        // Events must reach us as they are: a compressed stream could be neither split nor metered.
        kept.append(.acceptEncoding, "identity")
        kept.append(.requestID, requestID)
        credential?.append(to: &kept)
        return kept
    }

    /// The fields of an executor's answer, as the client gets them.
    ///
    /// `content-length` is left to who sends the body.
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
            switch fields.known(index) {
            case .server, .setCookie, .altSvc, .contentLength, .requestID, .via, .forwarded, .xForwardedFor, .location:
                continue
            case .requestsLimit, .requestsRemaining, .requestsReset, .tokensLimit, .tokensRemaining, .tokensReset:
                continue
            case .contentType, .cacheControl, .xAccelBuffering:
                if isEventStream { continue }
                kept.append(fields.known(index), fields.value(index))
            case .other:
                let name = fields.name(index)
                if name.starts(with: rateLimitPrefix) || name.starts(with: crossOriginPrefix) { continue }
                if name.elementsEqual(requestIDName) { continue }
                if engineOnly.contains(where: { name.elementsEqual($0) }) { continue }
                if name.starts(with: forwardedPrefix) || namesURL(fields.value(index)) { continue }
                kept.append(name: name.span, value: fields.value(index).span)
            case let known: kept.append(known, fields.value(index))
            }
        }
        if isEventStream { appendEventStream(to: &kept) }
        appendRequestID(requestID, dialect: dialect, to: &kept)
        return kept
    }

    /// Some gateways tell in fields of their own where they have sent a request.
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
