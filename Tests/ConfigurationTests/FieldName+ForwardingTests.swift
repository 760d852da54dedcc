// Tests which header fields of clients the edge never forwards, whatever the configuration, and why.
import HTTP
import Testing

@testable import Configuration

@Suite struct FieldNameForwardingTests {
    private func why(_ name: String) -> String? { FieldName.whyNeverForwarded(Array(name.utf8)[...]) }

    @Test(arguments: [
        ("connection", "is between"), ("transfer-encoding", "is between"), ("host", "is between"),
        ("content-length", "is between"), ("x-request-id", "is between"), ("x_y", "has an underscore"),
        ("authorization", "may hold a credential"), ("api-key", "may hold a credential"), ("cookie", "may hold"),
        ("x-accesskey", "may hold"), ("x-session-token", "may hold"), ("token-x-y", "may hold"),
        ("proxy-authorization", "is between"), ("my-secret-x", "may hold"), ("x-jwt", "may hold"),
        ("x-forwarded-for", "tells of"), ("cf-ray", "tells of"), ("forwarded", "tells of"), ("origin", "tells of"),
        ("openai-project", "tells of"), ("x-vllm-priority", "controls an engine's"),
        ("x-data-parallel-rank", "controls an engine's"),
    ])
    func whatIsNotTheEnginesIsKept(name: String, reason: String) {
        #expect(why(name)?.hasPrefix(reason) == true, "\(why(name) ?? "forwarded")")
    }

    /// These fields may be forwarded.
    ///
    /// Names are checked word by word, so `x-keyboard` does not count as containing `key`.
    @Test(arguments: [
        "accept", "user-agent", "x-stainless-lang", "idempotency-key", "x-keyboard", "x-tokens", "x-monkeys",
        "traceparent", "x-secretary", "x-my-field",
    ])
    func otherFieldsMayPass(name: String) { #expect(why(name) == nil) }
}
