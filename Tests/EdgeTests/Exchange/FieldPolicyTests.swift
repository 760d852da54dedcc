import Configuration
import HTTP
import Inference
import Testing

@testable import Edge

/// A field block with these fields, in this order.
func block(_ fields: [(String, String)]) -> FieldBlock {
    var block = FieldBlock()
    for (name, value) in fields { block.append(name: name, value: value) }
    return block
}

/// The fields of a block, one per line.
func lines(_ block: FieldBlock) -> [String] {
    (0..<block.count).map {
        "\(String(decoding: block.name($0), as: UTF8.self)): \(String(decoding: block.value($0), as: UTF8.self))"
    }
}

/// The header fields that an executor gets if a client sends `fields`, without those that the edge adds to each
/// request.
func forwarded(
    _ fields: [(String, String)],
    _ settings: [ForwardSettings] = [],
    credential: ExecutorCredential? = nil
) -> [String] {
    let sent = FieldPolicy.toExecutor(
        block(fields),
        forwarded: ForwardedFields(settings),
        version: .http11,
        requestID: "r",
        instance: "i",
        credential: credential
    )
    let own = ["accept-encoding: identity", "x-request-id: r", "via: 1.1 freeinference", "cdn-loop: i"]
    return lines(sent).filter { !own.contains($0) }
}

private func names(_ names: String...) -> [(String, String)] { names.map { ($0, "v") } }

@Suite struct FieldPolicyTests {
    @Test func whatIsTheClientsAloneNeverReachesAnExecutor() {
        let fields = block([
            ("authorization", "Bearer secret"), ("x-api-key", "secret"), ("cookie", "a=b"), ("forwarded", "for=1"),
            ("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https"), ("cf-connecting-ip", "1.2.3.4"),
            ("cf-ray", "x"), ("true-client-ip", "1"), ("x-real-ip", "1"), ("connection", "keep-alive, x-app"),
            ("x-app", "1"), ("te", "trailers"), ("upgrade", "h2c"), ("http2-settings", "AA"), ("host", "h"),
            ("accept-encoding", "gzip"), ("expect", "100-continue"), ("proxy-authorization", "x"),
            ("origin", "https://a"), ("via", "1.1 inner"), ("x-request-id", "theirs"), ("x-custom", "1"),
        ])
        for (version, via) in [(HTTPVersion.http10, "1.0"), (.http11, "1.1"), (.http2, "2")] {
            let sent = FieldPolicy.toExecutor(
                fields,
                forwarded: ForwardedFields([]),
                version: version,
                requestID: "r",
                instance: "i",
                credential: nil
            )
            let own = ["accept-encoding: identity", "x-request-id: r", "via: \(via) freeinference", "cdn-loop: i"]
            #expect(lines(sent) == own)
        }
    }

    @Test func whatAnExecutorMayKnowPasses() {
        let fields = [
            ("anthropic-version", "2023-06-01"), ("anthropic-beta", "a"), ("anthropic-beta", "b,c"),
            ("traceparent", "00-1"), ("tracestate", "x=1"), ("baggage", "y=2"), ("accept", "*/*"),
            ("content-type", "application/json"), ("user-agent", "u"), ("x-stainless-lang", "python"),
            ("x-codex-turn-state", "s"), ("x-codex-window-id", "w"), ("openai-beta", "x"), ("idempotency-key", "i"),
            ("x-client-request-id", "c"), ("x-session-id", "s"), ("x-session-affinity", "s"),
            ("x-claude-code-session-id", "s"), ("x-app", "cli"), ("originator", "codex"), ("session-id", "s"),
            ("thread-id", "t"),
        ]
        let bearer = ExecutorCredential(key: "k", kind: .auto)
        let expected = fields.map { "\($0.0): \($0.1)" } + ["authorization: Bearer k"]
        #expect(forwarded(fields, credential: bearer) == expected)
    }

    /// The edge checks only the first content type for multipart, so an executor must not see a second one.
    @Test func ofTwoContentTypesTheFirstPasses() {
        let fields = [("content-type", "application/json"), ("content-type", "multipart/form-data")]
        #expect(forwarded(fields) == ["content-type: application/json"])
    }

    /// The edge also reads a session's name from fields like `session_id`.
    ///
    /// It does not forward them, because their names contain an underscore.
    @Test func theFirstFieldThatNamesASessionDoes() {
        #expect(FieldPolicy.session(block([("x-app", "a"), ("thread-id", "t")])) == nil)
        let named = [
            "x-session-id", "session-id", "session_id", "conversation_id", "x-claude-code-session-id",
            "x-session-affinity",
        ]
        for name in named { #expect(FieldPolicy.session(block([("accept", "a"), (name, "s")])) == "s", "\(name)") }
        #expect(FieldPolicy.session(block([("session-id", ""), ("session_id", "2"), ("x-session-id", "3")])) == "2")
        #expect(FieldPolicy.session(block([("session_id", String(repeating: "x", count: 4000))]))?.utf8.count == 128)
        #expect(forwarded([("session_id", "s"), ("conversation_id", "c")]) == [])
    }

    @Test func fieldsForTheEdgeStayThere() {
        let fields = [("x-freeinference-keep-alive", "OFF")]
        #expect(FieldPolicy.refusesComments(block(fields)) && !FieldPolicy.refusesComments(block([])))
        #expect(forwarded(fields) == [])
    }

    // MARK: To clients

    @Test func whatIsTheExecutorsAloneNeverReachesAClient() {
        let hidden = names(
            "server",
            "set-cookie",
            "alt-svc",
            "transfer-encoding",
            "content-length",
            "x-request-id",
            "request-id",
            "access-control-allow-origin",
            "x-ratelimit-limit-requests",
            "x-ratelimit-limit-tokens-usage-based",
            "anthropic-ratelimit-requests-limit",
            "anthropic-organization-id",
            "openai-organization",
            "openai-project",
            "x-litellm-model-api-base",
            "x-litellm-call-id",
            "llm_provider-x-request-id",
            "cf-ray",
            "via",
            "x-powered-by",
            "x-compute-time",
            "location",
            "www-authenticate",
            "date",
            "cache-control",
            "etag",
            "x-custom"
        )
        let passes = [
            ("content-type", "application/json"), ("content-language", "en"), ("content-disposition", "inline"),
            ("retry-after", "3"), ("retry-after-ms", "2500"), ("x-should-retry", "false"),
            ("openai-processing-ms", "1"), ("openai-version", "2020"), ("openai-model", "m"),
            ("x-codex-turn-state", "s"), ("traceresponse", "00-1"), ("content-encoding", "gzip"),
        ]
        let answer = FieldPolicy.toClient(
            block([("connection", "close, x-hop"), ("x-hop", "1")] + hidden + passes + [("retry-after", "900")]),
            isEventStream: false,
            requestID: "r",
            dialect: .openAIChat
        )
        #expect(lines(answer) == passes.map { "\($0.0): \($0.1)" } + ["x-request-id: r"])
    }

    @Test func eventStreamsSayThatNobodyMayBufferThem() {
        let fields = block([
            ("content-type", "text/event-stream"), ("content-type", "x/y"), ("cache-control", "max-age=9"),
            ("content-encoding", "identity"),
        ])
        #expect(
            lines(FieldPolicy.toClient(fields, isEventStream: true, requestID: "r", dialect: .openAIChat)) == [
                "content-type: text/event-stream; charset=utf-8", "cache-control: no-cache, no-transform",
                "x-accel-buffering: no", "x-request-id: r",
            ]
        )
    }

    @Test func anthropicsSDKFindsTheRequestIDUnderItsName() {
        let fields = FieldPolicy.toClient(
            block([("request-id", "theirs")]),
            isEventStream: false,
            requestID: "r",
            dialect: .messages
        )
        #expect(lines(fields) == ["x-request-id: r", "request-id: r"])
    }
}
