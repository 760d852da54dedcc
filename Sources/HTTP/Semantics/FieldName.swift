// The header fields that this server knows by name, and the lookup of a received name.
internal import Glibc

/// A header field that this server reads, sets or drops by its name; `.other` stands for every other field.
package enum FieldName: UInt8, CaseIterable, Sendable {
    case other
    case accept, acceptEncoding, acceptRanges, age, allow, altSvc, authorization, cacheControl, connection,
        contentEncoding
    case contentLength, contentType, cookie, date, expect, forwarded, host, http2Settings, keepAlive, location, priority
    case proxyAuthenticate, proxyAuthorization, proxyConnection, requestID, retryAfter, retryAfterMs, server, setCookie
    case te, trailer, traceparent, transferEncoding, upgrade, userAgent, via, xAccelBuffering, xAPIKey, xForwardedFor
    case requestsLimit, requestsRemaining, requestsReset, tokensLimit, tokensRemaining, tokensReset
    case anthropicBeta, anthropicVersion, baggage, clientRequestID, contentDisposition, contentLanguage, idempotencyKey
    case openAIBeta, openAIModel, openAIProcessing, openAIVersion, originator, tracestate, traceresponse, xShouldRetry
    case claudeCodeSession, codexTurnState, conversationID, sessionID, sessionIDUnderscored, threadID, xApp
    case cdnLoop, cfConnectingIP, cfIPCountry, cfRay, freeInferencePriority, xRealIP, xSessionAffinity, xSessionID

    /// The name in lower case, as it is sent; empty for `.other`.
    package var text: StaticString {
        switch self {
        case .other: ""
        case .accept: "accept"
        case .acceptEncoding: "accept-encoding"
        case .acceptRanges: "accept-ranges"
        case .age: "age"
        case .allow: "allow"
        case .altSvc: "alt-svc"
        case .authorization: "authorization"
        case .cacheControl: "cache-control"
        case .connection: "connection"
        case .contentEncoding: "content-encoding"
        case .contentLength: "content-length"
        case .contentType: "content-type"
        case .cookie: "cookie"
        case .date: "date"
        case .expect: "expect"
        case .forwarded: "forwarded"
        case .host: "host"
        case .http2Settings: "http2-settings"
        case .keepAlive: "keep-alive"
        case .location: "location"
        case .priority: "priority"
        case .proxyAuthenticate: "proxy-authenticate"
        case .proxyAuthorization: "proxy-authorization"
        case .proxyConnection: "proxy-connection"
        case .requestID: "x-request-id"
        case .retryAfter: "retry-after"
        case .retryAfterMs: "retry-after-ms"
        case .server: "server"
        case .setCookie: "set-cookie"
        case .te: "te"
        case .trailer: "trailer"
        case .traceparent: "traceparent"
        case .transferEncoding: "transfer-encoding"
        case .upgrade: "upgrade"
        case .userAgent: "user-agent"
        case .via: "via"
        case .xAccelBuffering: "x-accel-buffering"
        case .xAPIKey: "x-api-key"
        case .xForwardedFor: "x-forwarded-for"
        case .requestsLimit: "x-ratelimit-limit-requests"
        case .requestsRemaining: "x-ratelimit-remaining-requests"
        case .requestsReset: "x-ratelimit-reset-requests"
        case .tokensLimit: "x-ratelimit-limit-tokens"
        case .tokensRemaining: "x-ratelimit-remaining-tokens"
        case .tokensReset: "x-ratelimit-reset-tokens"
        case .anthropicBeta: "anthropic-beta"
        case .anthropicVersion: "anthropic-version"
        case .baggage: "baggage"
        case .clientRequestID: "x-client-request-id"
        case .contentDisposition: "content-disposition"
        case .contentLanguage: "content-language"
        case .idempotencyKey: "idempotency-key"
        case .openAIBeta: "openai-beta"
        case .openAIModel: "openai-model"
        case .openAIProcessing: "openai-processing-ms"
        case .openAIVersion: "openai-version"
        case .originator: "originator"
        case .tracestate: "tracestate"
        case .traceresponse: "traceresponse"
        case .xShouldRetry: "x-should-retry"
        case .cdnLoop: "cdn-loop"
        case .claudeCodeSession: "x-claude-code-session-id"
        case .codexTurnState: "x-codex-turn-state"
        case .conversationID: "conversation_id"
        case .sessionID: "session-id"
        case .sessionIDUnderscored: "session_id"
        case .threadID: "thread-id"
        case .xApp: "x-app"
        case .xSessionAffinity: "x-session-affinity"
        case .xSessionID: "x-session-id"
        case .cfConnectingIP: "cf-connecting-ip"
        case .cfIPCountry: "cf-ipcountry"
        case .cfRay: "cf-ray"
        case .freeInferencePriority: "x-freeinference-priority"
        case .xRealIP: "x-real-ip"
        }
    }

    /// All names, in order of increasing length.
    private static let byLength = allCases.sorted { $0.text.utf8CodeUnitCount < $1.text.utf8CodeUnitCount }
    /// For each length from 0 to 32 bytes, the index in `byLength` of the first name that is at least that long.
    private static let starts = (0...32).map { length in
        byLength.firstIndex { $0.text.utf8CodeUnitCount >= length } ?? byLength.count
    }

    /// The case whose name equals the bytes, which must be in lower case; `.other` if there is no such case.
    package init(lowercase bytes: ArraySlice<UInt8>) {
        self = unsafe bytes.withUnsafeBufferPointer { unsafe FieldName(spelledBy: $0) }
    }

    @unsafe init(spelledBy bytes: UnsafeBufferPointer<UInt8>) {
        self = .other
        guard bytes.count < Self.starts.count - 1, let start = bytes.baseAddress else { return }
        for index in Self.starts[bytes.count]..<Self.starts[bytes.count + 1] {
            let name = Self.byLength[index]
            guard unsafe memcmp(start, name.text.utf8Start, bytes.count) == 0 else { continue }
            self = name
            return
        }
    }
}
