// Tests how URLs of executors are read, and the errors for invalid ones.

import Testing

@testable import Configuration

@Suite struct ExecutorURLTests {
    @Test(arguments: [
        ("http://h", "http://h:80", "h"), ("http://H:8000/", "http://h:8000", "h:8000"),
        ("http://[::1]:90/a/b/", "http://[::1]:90/a/b", "[::1]:90"), ("http://[::1]", "http://[::1]:80", "[::1]"),
        ("https://api.x.org/openai", "https://api.x.org:443/openai", "api.x.org"),
        ("http://vllm_1:80", "http://vllm_1:80", "vllm_1"), ("unix:/run/e.sock", "unix:/run/e.sock", "localhost"),
    ])
    func anExecutorURLParses(text: String, description: String, authority: String) throws {
        let url = try ExecutorURL.parse(text).get()
        #expect(url.description == description)
        #expect(url.authority == authority)
    }

    @Test(arguments: [
        "", "h:80", "http://", "http://:80", "http://h:", "http://h:0", "http://h:65536", "http://h:8 0", "http://h:+8",
        "http://a b", "http://-a", "http://a-", "http://a..b", "http://1.2.3", "http://1.2.3.400", "http://[::1",
        "http://::1",
        "http://[1.2.3.4]", "http://[::1]x", "http://u@h", "http://h?x", "http://h/#f", "http://h/a b", "http://h/v1",
        "http://h/openai/v1/", "http://ä", "unix:", "unix:/", "unix:run", "http:///x", "http://h\u{0}",
    ])
    func anExecutorURLIsRefused(text: String) {
        #expect(throws: ValueProblem.self) { try ExecutorURL.parse(text).get() }
    }

    @Test(arguments: [
        ("http://e/v1/chat/completions", "its host"), ("http://e/v1/chat/completions/", "its host"),
        ("https://e/openai/v1/chat/completions", "'/openai'"), ("http://e/chat/completions", "its host"),
        ("http://e/V1/Messages", "its host"), ("http://e/a/b/v1/messages/count_tokens", "'/a/b'"),
        ("http://e/v1/models", "its host"), ("http://e/v1/embeddings", "its host"), ("http://e/rerank", "its host"),
        ("http://e/v2/rerank", "its host"), ("http://e/api/chat", "its host"), ("http://e/health", "its host"),
        ("http://e/x/v1/responses/compact", "'/x'"), ("http://e/v1/audio/speech", "its host"),
    ])
    func aURLThatNamesAnEndpointIsFound(url: String, end: String) {
        let text = valid().replacing("http://e:8000", with: url)
        let why = "names an endpoint: must end at \(end), since requests bring their own"
        #expect(faults(text) == ["c.yaml:5:15: models[].executors[].url: '\(url)': \(why)"])
    }

    @Test(arguments: [
        "http://e/openai", "http://e/api", "http://e/team/score", "http://e/v1/account/gateway/openai",
        "http://e/v1beta/openai", "http://e/models/llama", "http://e/chatcompletions",
    ])
    func aPrefixIsNoEndpoint(url: String) { #expect(faults(valid().replacing("http://e:8000", with: url)) == []) }

    @Test func dotSegmentsAreNoPrefix() {
        for url in ["http://e/../x", "http://e/a/./b", "http://e/a/.."] {
            let found = faults(valid().replacing("http://e:8000", with: url))
            #expect(found == ["c.yaml:5:15: models[].executors[].url: '\(url)': must not have '.' or '..' in its path"])
        }
    }
}
