import HTTP
import Inference
import Testing

@testable import Edge

/// Which paths of requests are forwarded to an executor, and how the others are refused.
///
/// The path that the executor gets may differ, because its URL may have a path of its own.
@Suite struct PathTests {
    private let models = """
        - {id: m, passthrough: [/v1/own, /sdapi/v1/txt2img], executors: [{url: "http://one:8000/base", model: M}]}
        - {id: n, fallbacks: [m, o], passthrough: [/v1/own], executors: [{url: "http://two:8000"}]}
        - {id: o, executors: [{url: "http://three:8000"}]}
        """

    private func client() throws -> TestClient { try TestClient(TestEnvironment(try testSnapshot(models: models))) }
    private func sent(_ client: TestClient) -> String? {
        client.executors.last.map { String(decoding: $0.request.target, as: UTF8.self) }
    }

    // MARK: Canonical paths

    @Test(arguments: [
        ("/v1/chat/completions", "/base/v1/chat/completions"),
        ("/v1/%63hat/completion%73", "/base/v1/chat/completions"),
        ("/v1/mess%61ges?beta=%74rue", "/base/v1/messages?beta=%74rue"), ("/%74okenize", "/base/tokenize"),
        ("/v1/o%77n", "/base/v1/own"), ("/sdapi/v1/txt2img?a=/../", "/base/sdapi/v1/txt2img?a=/../"),
    ]) func whatWasDecidedOnIsWhatIsSent(path: String, target: String) throws {
        let client = try client()
        client.ask(chat(stream: false), path: path)
        #expect(sent(client) == target)
    }

    /// The escaped path is recognised as chat completions, so a cut of its stream is detected too.
    @Test func anEscapedPathHasItsDialect() throws {
        let client = try client()
        client.ask(path: "/v1/%63hat/completions")
        client.executors[0].answer()
        client.executors[0].say(Said.token)
        client.executors[0].end()
        #expect(!client.received.hasSuffix("0\r\n\r\n"))
        #expect(client.received.contains("finish_reason\":\"error\""))
        #expect(client.finished?.end != .complete)
    }

    @Test(arguments: [
        "/v1/../../x", "/v1/%2e%2e/x", "/v1/..%2fx", "/v1/.%2e%2fx", "/v1/..%5Cx", "/..", "/v1/./chat/completions",
        "/v1/own/../x", "/v1/models/../x", "/health/..",
    ]) func dotSegmentsAre400(path: String) throws {
        for method in ["POST", "GET", "DELETE"] {
            let client = try client()
            client.ask(chat(), path: path, method: method)
            #expect(client.status == 400 && client.executors.isEmpty)
            #expect(client.received.contains("must not have segments"))
            guard case .failed(let failure)? = client.finished?.end else {
                Issue.record("it did not fail")
                return
            }
            #expect(failure.kind == .malformedRequest && failure.side == .client)
        }
    }

    // MARK: Which paths are forwarded

    @Test(arguments: Dialect.paths.map { String(describing: $0.path) }) func theListGoesThrough(path: String) throws {
        let client = try client()
        client.ask(#"{"model":"m"}"#, path: path)
        #expect(sent(client) == "/base" + path)
        #expect(client.executors.last?.body.contains(#""model":"M""#) == true)
    }

    @Test(arguments: [
        "/v1/load_lora_adapter", "/v1/unload_lora_adapter", "/v1/chat/completions/render", "/v1/completions/",
        "/v1/audio/voices", "/reset_prefix_cache", "/collective_rpc", "/sleep", "/invocations", "/v1/own/", "/V1/own",
        "/metrics", "/v1", "/v1/", "/flush_cache", "/v1/responses/../own",
    ]) func nothingElseDoes(path: String) throws {
        let client = try client()
        client.ask(#"{"model":"m"}"#, path: path)
        #expect(client.executors.isEmpty)
        #expect(client.status == 404 || client.status == 400)
    }

    @Test func whatAModelAddsIsItsOwn() throws {
        let client = try client()
        client.ask(#"{"model":"o"}"#, path: "/v1/own")
        #expect(client.status == 404 && client.executors.isEmpty)
        #expect(client.received.contains("of this model are not asked at this path"))
        client.ask(#"{"model":"nobody"}"#, path: "/v1/own")
        #expect(client.received.contains("'nobody' does not exist"))
        client.ask(#"{"model":"m"}"#, path: "/v1/own", method: "PUT")
        #expect(client.executors.isEmpty)
    }

    /// The fallback `o` does not have this path, so it is not tried in place of `n`.
    @Test func aFallbackHasThePathToo() throws {
        let client = try client()
        client.ask(#"{"model":"n"}"#, path: "/v1/own")
        client.executors[0].fail()
        #expect(client.executors.map(\.name) == ["http://two:8000", "http://one:8000/base"])
        client.executors[1].fail()
        #expect(client.executors.count == 2 && client.status == 502)
    }

    @Test(arguments: ["/v1/chat/completions", "/v1/audio/transcriptions", "/v1/images/edits", "/v1/own", "/anything"])
    func multipartIs415(path: String) throws {
        let client = try client()
        client.ask("--x--", path: path, fields: "content-type: multipart/form-data; boundary=x")
        #expect(client.status == 415 && client.executors.isEmpty)
    }

    // MARK: Names

    @Test func aModelIsFoundByItsBytes() throws {
        let models = """
            - {id: Kimi-K2, executors: [{url: "http://one:1"}]}
            - {id: "caf\u{e9}", executors: [{url: "http://two:1"}]}
            - {id: "cafe\u{301}", executors: [{url: "http://three:1"}]}
            """
        let registry = Registry()
        _ = try testSnapshot(models: models, registry: registry)
        let client = try TestClient(TestEnvironment(try testSnapshot(models: models, registry: registry)))
        client.ask(chat(model: "Kimi-\u{212A}2"))
        #expect(client.status == 404 && client.executors.isEmpty)
        for name in ["Kimi-K2", "caf\u{e9}", "cafe\u{301}"] { client.ask(chat(model: name)) }
        // Requests on one connection are handled one after the other, so the second one waits for the first response.
        #expect(client.executors.map(\.name) == ["http://one:1"])
        client.executors.last?.refuse(400)
        client.settle()
        #expect(client.executors.map(\.name) == ["http://one:1", "http://two:1"])
        client.executors.last?.refuse(400)
        client.settle()
        #expect(client.executors.map(\.name) == ["http://one:1", "http://two:1", "http://three:1"])
    }
}
