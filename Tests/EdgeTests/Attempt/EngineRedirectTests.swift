import HTTP
import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

/// Redirects by engines, and other statuses that an attempt does not accept as a response.
@Suite struct EngineRedirectTests {
    private func target(
        _ location: String,
        isSecure: Bool = false,
        host: String = "e:8000",
        prefix: String = ""
    ) -> String? {
        EngineRedirect.target(
            location,
            from: Array("/p/v1/chat/completions?x=1".utf8),
            host: Array(host.utf8),
            prefix: Array(prefix.utf8),
            isSecure: isSecure
        ).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func theSameEngineIsKnownInEveryForm() {
        #expect(target("/p/v1/chat/completions/") == "/p/v1/chat/completions/")
        #expect(target("http://e:8000/v1/x?y=2#z") == "/v1/x?y=2")
        #expect(target("HTTP://E:8000/v1/x") == "/v1/x")
        #expect(target("//e:8000/v1/x") == "/v1/x")
        #expect(target("http://e:8000") == "/")
        #expect(target("completions/") == "/p/v1/chat/completions/")
        #expect(target("../embeddings") == "/p/v1/embeddings")
        #expect(target("./") == "/p/v1/chat/")
        #expect(target("/a/b/../../../c") == "/c")
        #expect(target("?y=2") == "/p/v1/chat/completions?y=2")
        #expect(target("http://e/v1", host: "e:80") == "/v1")
        #expect(target("https://e:443/v1", isSecure: true, host: "e") == "/v1")
    }

    @Test(arguments: [
        "", "http://other:8000/v1", "http://e:8001/v1", "http://e/v1", "https://e:8000/v1", "//other/v1",
        "http://user@e:8000/v1", "http://e:8000@other/v1", "ftp://e:8000/v1", "javascript:x", "http:/v1", "mailto:x@e",
        "/a b", "/a\r\nx: y", "/\u{E9}", "/a\\b",
    ]) func anotherOriginAndWhatIsNoURLAreRefused(location: String) {
        #expect(target(location) == nil)
    }

    /// A redirect to a path below the prefix of the engine's URL stays with the engine.
    ///
    /// A redirect elsewhere on the host does not, because another engine may have another prefix there.
    @Test(arguments: [
        "/p/v1/chat/completions/", "http://e:8000/p/v1/x", "completions/", "../embeddings", "/p/", "/p", "?y=2",
        "/p/a%2Fb",
        "/p/a;b/c", "/p/100%25",
    ]) func aRedirectBelowTheEnginesPrefixIsItsOwn(location: String) {
        #expect(target(location, prefix: "/p") != nil && target(location, prefix: "/p/") != nil)
    }

    @Test(arguments: [
        "/", "/v1/chat/completions/", "http://e:8000/v1/x", "http://e:8000", "/pp/v1", "/p2/", "/P/v1", "../../../evil",
        "/p/../evil", "/p/%2e%2e/evil", "/p/%2E./evil", "/p/..%2fevil", "/p/%2e%2e%2fevil", "/p/%252e%252e/evil",
        "/p/..;/evil", "/p/..;x=1/evil", "/p/..%5cevil", "/p/..%3b/evil", "//e:8000/evil", "/%70x/v1", "/p%2f../evil",
    ]) func aRedirectToAnotherPrefixIsRefused(location: String) {
        #expect(target(location, prefix: "/p") == nil)
    }

    @Test func aPrefixMayHaveEscapes() {
        #expect(target("/a%20b/x", prefix: "/a%20b") == "/a%20b/x" && target("/a%20c/x", prefix: "/a%20b") == nil)
    }

    // MARK: Redirects that are followed

    private let models = "- {id: m, executors: [{url: 'http://one:8000', api_key: secret}]}"

    @Test(arguments: [307, 308]) func aRedirectToTheSameEngineIsFollowedOnceWithAllOfTheRequest(status: Int) throws {
        let environment = TestEnvironment(try testSnapshot(models: models))
        let client = try TestClient(environment)
        client.ask()
        let first = environment.executors[0]
        first.answer(status, type: "text/plain", [("location", "http://one:8000/v1/chat/completions/")])
        try #require(environment.executors.count == 2)
        let second = environment.executors[1]
        #expect(first.isCancelled && second.target === first.target && second.body == first.body)
        #expect(String(decoding: second.request.target, as: UTF8.self) == "/v1/chat/completions/")
        #expect(second.request.method == .post && second.request.fields.string(.authorization) == "Bearer secret")
        second.answer()
        second.say(Said.token + Said.done)
        second.end()
        #expect(client.status == 200 && client.finished?.end == .complete && client.finished?.attempts.count == 1)
    }

    @Test(arguments: [307, 308]) func aRedirectToAnotherEngineOfTheSameHostIsNotFollowed(status: Int) throws {
        let models = "- {id: m, executors: [{url: 'http://one:8000/mine', api_key: secret}]}"
        let environment = TestEnvironment(try testSnapshot(models: models))
        let client = try TestClient(environment)
        client.ask()
        let asked = String(decoding: environment.executors[0].request.target, as: UTF8.self)
        #expect(asked == "/mine/v1/chat/completions")
        environment.executors[0].answer(status, type: "text/plain", [("location", "/evil/v1/chat/completions")])
        #expect(environment.executors.count == 1 && client.status == 502)
    }

    @Test func aSecondRedirectIsNotFollowed() throws {
        let environment = TestEnvironment(try testSnapshot(models: models))
        let client = try TestClient(environment)
        client.ask()
        for _ in 0..<2 { environment.executors.last?.answer(307, type: "text/plain", [("location", "/v1/")]) }
        #expect(environment.executors.count == 2 && client.status == 502)
    }

    @Test(arguments: [204, 205, 206, 300, 301, 302, 303, 304, 307, 308])
    func whatIsNoAnswerIsA502WithACause(status: Int) throws {
        let environment = TestEnvironment(try testSnapshot(models: models))
        let client = try TestClient(environment)
        client.ask()
        environment.executors[0].answer(status, type: "text/plain", [("location", "http://elsewhere:1/v1")])
        #expect(environment.executors.count == 1 && client.status == 502)
        #expect(!client.received.contains("elsewhere") && !client.received.contains("one:8000"))
        guard case .failed(let failure)? = client.finished?.end else {
            Issue.record("it did not fail")
            return
        }
        #expect(failure.detail?.hasPrefix("it answered \(status)") == true)
    }

    @Test func nothingOfAnEnginesAddressReachesAClient() throws {
        let environment = TestEnvironment(try testSnapshot(models: models))
        let client = try TestClient(environment)
        client.ask()
        let names = [
            "location", "content-location", "link", "refresh", "via", "server", "alt-svc", "set-cookie",
            "x-forwarded-host", "x-litellm-model-api-base", "content-disposition", "openai-version", "traceresponse",
        ]
        environment.executors[0].answer(fields(names))
        environment.executors[0].say(Said.token)
        #expect(client.status == 200 && client.received.contains("openai-processing-ms: 12"))
        #expect(!client.received.contains("10.0.0.5"))
    }

    private func fields(_ names: [String]) -> [(String, String)] {
        names.map { ($0, "http://10.0.0.5:8000/") } + [("openai-processing-ms", "12")]
    }
}

extension PlayedExecutor {
    fileprivate func answer(_ fields: [(String, String)]) { answer(200, fields) }
}
