import Inference
import Testing

@testable import Edge

@Suite struct QueryPolicyTests {
    @Test(arguments: [
        ("/v1/messages", "/v1/messages"), ("/v1/messages?beta=true", "/v1/messages?beta=true"),
        ("/v1/messages?", "/v1/messages?"), ("/v1/messages?&a", "/v1/messages?&a"),
        ("/v1/x?key=s&beta=true&api-version=1", "/v1/x?beta=true&api-version=1"), ("/v1/x?key=s", "/v1/x"),
        ("/v1/x?a=1&api_key=s", "/v1/x?a=1"), ("/v1/x?apiKey=s&a=1", "/v1/x?a=1"),
        ("/v1/x?access%5Ftoken=s&a=1", "/v1/x?a=1"),
        ("/v1/x?%6Bey=s&a=1", "/v1/x?a=1"), ("/v1/x?KEY=s&a=1", "/v1/x?a=1"),
        ("/v1/x?X-Amz-Signature=s&a=1", "/v1/x?a=1"), ("/v1/x?auth&a=1", "/v1/x?a=1"), ("/v1/x?%zz=s&a=1", "/v1/x?a=1"),
        ("/v1/x?monkeys=1&keyboard=2&top=key", "/v1/x?monkeys=1&keyboard=2&top=key"),
    ]) func credentialsAreLeftOut(target: String, sent: String) {
        let bytes = QueryPolicy.withoutCredentials(RequestTarget(Array(target.utf8)))
        #expect(String(decoding: bytes, as: UTF8.self) == sent)
    }
}
