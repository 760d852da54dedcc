import HTTP
import Inference
import Testing

@testable import Edge

@Suite struct FieldPolicyTests {
    private func block(_ fields: [(String, String)]) -> FieldBlock {
        var block = FieldBlock()
        for (name, value) in fields { block.append(name: name, value: value) }
        return block
    }
    private func pairs(_ block: FieldBlock) -> [String] {
        (0..<block.count).map {
            "\(String(decoding: block.name($0), as: UTF8.self)): \(String(decoding: block.value($0), as: UTF8.self))"
        }
    }

    @Test func whatIsTheClientsAloneNeverReachesAnExecutor() {
        let fields = block([
            ("authorization", "Bearer secret"), ("x-api-key", "secret"), ("cookie", "a=b"), ("forwarded", "for=1"),
            ("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https"), ("cf-connecting-ip", "1.2.3.4"),
            ("cf-ray", "x"), ("true-client-ip", "1"), ("x-real-ip", "1"), ("connection", "keep-alive, x-mine"),
            ("x-mine", "1"), ("te", "trailers"), ("upgrade", "h2c"), ("http2-settings", "AA"), ("host", "h"),
            ("accept-encoding", "gzip"), ("expect", "100-continue"), ("proxy-authorization", "x"),
            ("origin", "https://a"),
        ])
        #expect(
            pairs(FieldPolicy.toExecutor(fields, requestID: "r", credential: nil))
                == ["accept-encoding: identity", "x-request-id: r"]
        )
    }

    @Test func whatAnExecutorMayKnowPasses() {
        let fields = block([
            ("anthropic-version", "2023-06-01"), ("anthropic-beta", "b"), ("traceparent", "00-1"), ("accept", "*/*"),
            ("content-type", "application/json"), ("x-custom", "1"), ("x-request-id", "other"),
        ])
        let bearer = ExecutorCredential(key: "k", kind: .auto)
        #expect(
            pairs(FieldPolicy.toExecutor(fields, requestID: "r", credential: bearer)) == [
                "anthropic-version: 2023-06-01", "anthropic-beta: b", "traceparent: 00-1", "accept: */*",
                "content-type: application/json", "x-custom: 1", "accept-encoding: identity", "x-request-id: r",
                "authorization: Bearer k",
            ]
        )
    }

    @Test func fieldsForTheEdgeStayThere() {
        let fields = block([("x-freeinference-keep-alive", "OFF")])
        #expect(FieldPolicy.wantsSilence(fields) && !FieldPolicy.wantsSilence(block([])))
        let sent = pairs(FieldPolicy.toExecutor(fields, requestID: "r", credential: nil))
        #expect(sent == ["accept-encoding: identity", "x-request-id: r"])
    }

    @Test func anthropicIsToldWhoCallsInItsOwnFields() {
        let key = ExecutorCredential(key: "k", kind: .anthropic)
        func sent(_ fields: [(String, String)]) -> [String] {
            pairs(FieldPolicy.toExecutor(block(fields), requestID: "r", credential: key))
        }
        let own = ["accept-encoding: identity", "x-request-id: r", "x-api-key: k"]
        #expect(sent([("x-api-key", "theirs")]) == own + ["anthropic-version: 2023-06-01"])
        #expect(sent([("anthropic-version", "2024-01-01")]) == ["anthropic-version: 2024-01-01"] + own)
    }

    @Test func whatIsTheExecutorsAloneNeverReachesAClient() {
        let fields = block([
            ("server", "uvicorn"), ("set-cookie", "a=b"), ("alt-svc", "h3"), ("x-ratelimit-limit-requests", "1"),
            ("connection", "close"), ("transfer-encoding", "chunked"), ("content-length", "3"), ("x-request-id", "o"),
            ("content-type", "application/json"), ("retry-after", "3"), ("x-compute-time", "1"),
            ("access-control-allow-origin", "*"), ("access-control-allow-credentials", "true"),
        ])
        #expect(
            pairs(FieldPolicy.toClient(fields, isEventStream: false, requestID: "r", dialect: .openAIChat)) == [
                "content-type: application/json", "retry-after: 3", "x-compute-time: 1", "x-request-id: r",
            ]
        )
    }

    @Test func eventStreamsSayThatNobodyMayBufferThem() {
        let fields = block([("content-type", "text/event-stream"), ("cache-control", "max-age=9")])
        #expect(
            pairs(FieldPolicy.toClient(fields, isEventStream: true, requestID: "r", dialect: .openAIChat)) == [
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
        #expect(pairs(fields) == ["x-request-id: r", "request-id: r"])
    }
}
