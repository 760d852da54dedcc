import Configuration
import HTTP
import Inference
import Testing

@testable import Edge

@Suite struct ExecutorCredentialTests {
    @Test func anthropicIsToldWhoCallsInItsOwnFields() {
        let key = ExecutorCredential(key: "k", kind: .anthropic)
        let own = ["x-api-key: k", "anthropic-version: 2023-06-01"]
        #expect(forwarded([("x-api-key", "theirs")], credential: key) == own)
        let told = forwarded([("anthropic-version", "2024-01-01")], credential: key)
        #expect(told == ["anthropic-version: 2024-01-01", "x-api-key: k"])
    }
}
