import Inference
import LoopTesting
import Routing
import Testing

@testable import Edge

/// Tests how an exchange hashes its prompt for the choice of an executor, and what it reports to the pool afterwards.
@Suite struct PromptPlacementTests {
    private static let text = String(repeating: "word ", count: 2000)

    private func environment(_ balance: String, _ executors: Int = 3) throws -> TestEnvironment {
        let urls = (0..<executors).map { "{url: 'http://e\($0):1', kind: vllm}" }.joined(separator: ", ")
        let models = "- {id: m, balance: \(balance), executors: [\(urls)]}"
        return TestEnvironment(try testSnapshot(models: models))
    }

    private static func body(_ text: String, system: String = "") -> String {
        #"{"model":"m","stream":true,"max_tokens":4,"system":"\#(system)","messages":[{"role":"user","content":"\#(text)"}]}"#
    }

    /// Sends a request on a new connection, and returns which executor the pool chose and why.
    private func placed(
        _ body: String,
        in environment: TestEnvironment,
        path: String = "/v1/chat/completions",
        fields: String = "content-type: application/json"
    ) throws -> (executor: String, placement: Placement) {
        let client = try TestClient(environment)
        client.ask(body, path: path, fields: fields)
        let lease = try #require(client.exchange.attempt?.lease)
        return (lease.executor.name, lease.placement)
    }

    @Test func theSecondTurnGoesWhereTheFirstWent() throws {
        for others in 0..<6 {
            let environment = try environment("prefix")
            let first = try placed(Self.body(Self.text), in: environment)
            #expect(first.placement.reason == .load)
            for other in 0..<others { _ = try placed(Self.body("other \(other) " + Self.text), in: environment) }
            let second = try placed(Self.body(Self.text + "and more"), in: environment)
            #expect(second.executor == first.executor && second.placement.reason == .prefix)
            #expect(second.placement.believedBytes == Self.text.utf8.count / 2048 * 2048)
        }
    }

    /// Coding agents put a billing block in front of the prompt, which changes with each request.
    ///
    /// The edge removes it from the prompt, so it does not change which executor is chosen.
    @Test func theBillingBlockDoesNotMatter() throws {
        let environment = try environment("prefix")
        func body(_ number: Int) -> String {
            let block = "x-anthropic-billing-header: cc_version=2.1; cc_entrypoint=cli; cch=\(number);\\n"
            return Self.body(Self.text, system: block + "You are")
        }
        let first = try placed(body(1), in: environment, path: "/v1/messages")
        let second = try placed(body(2), in: environment, path: "/v1/messages")
        #expect(second.executor == first.executor && second.placement.reason == .prefix)
        let other = try placed(Self.body(Self.text, system: "You were"), in: environment, path: "/v1/messages")
        #expect(other.placement.reason == .load)
    }

    /// The requests of a conversation with an image go to one executor.
    ///
    /// The image counts with the size of its tokens, not with its bytes.
    @Test func aConversationWithAnImageStays() throws {
        let environment = try environment("prefix")
        func body(_ letter: String, _ text: String) -> String {
            let image =
                #"{"type":"image_url","image_url":{"url":"data:image/png;base64,\#(String(repeating: letter, count: 90_000))"}}"#
            return
                #"{"model":"m","messages":[{"role":"user","content":[\#(image),{"type":"text","text":"\#(text)"}]}]}"#
        }
        let first = try placed(body("A", Self.text), in: environment)
        #expect(first.placement.reason == .load)
        #expect((Self.text.utf8.count + 4000..<Self.text.utf8.count + 4400).contains(first.placement.missingBytes))
        _ = try placed(Self.body("other"), in: environment)
        let second = try placed(body("A", Self.text + "and more"), in: environment)
        #expect(second.executor == first.executor && second.placement.reason == .prefix)
        #expect(second.placement.believedBytes == Self.text.utf8.count / 2048 * 2048)
        #expect(try placed(body("B", Self.text), in: environment).placement.reason == .load, "it is another image")
    }

    /// Only the bytes of the prompt count as work for the executor, not the rest of the body.
    @Test func onlyThePromptCounts() throws {
        let environment = try environment("prefix")
        let ballast = String(repeating: "x", count: 20_000)
        let body = Self.body(Self.text).dropLast() + #","ballast":"\#(ballast)"}"#
        let placement = try placed(String(body), in: environment).placement
        #expect(placement.missingBytes >= Self.text.utf8.count && placement.missingBytes < Self.text.utf8.count + 100)
    }

    @Test func otherBalancesLookAtNoPrompt() throws {
        let environment = try environment("least-load")
        for _ in 0..<3 {
            let placement = try placed(Self.body(Self.text), in: environment).placement
            #expect(placement.believedBytes == 0 && placement.reason == .load)
        }
    }

    // MARK: Sessions and scopes

    /// A request names its session by a header field or by a member of its body; if it has several, the first in the
    /// list of possible names wins.
    ///
    /// Requests of one session go to one executor.
    @Test(arguments: [
        ("x-session-id: s1", "", "x-session-id: s1", ""), ("session_id: s1", "", "session_id: s1", ""),
        ("", #","prompt_cache_key":"s1""#, "", #","prompt_cache_key":"s1","user":"u2""#),
        ("", #","metadata":{"user_id":"s1"}"#, "", #","metadata":{"tags":[1],"user_id":"s1"}"#),
        ("x-session-id: s1", #","session_id":"a""#, "x-session-id: s1", #","session_id":"b""#),
    ])
    func aSessionGoesWhereItWent(firstField: String, first: String, secondField: String, second: String) throws {
        let environment = try environment("prefix")
        func ask(_ field: String, _ members: String, _ text: String) throws -> (executor: String, placement: Placement)
        {
            let body = #"{"model":"m","messages":[{"role":"user","content":"\#(text)"}]\#(members)}"#
            let fields = ["content-type: application/json", field].filter { !$0.isEmpty }.joined(separator: "\r\n")
            return try placed(body, in: environment, fields: fields)
        }
        let home = try ask(firstField, first, "one")
        #expect(home.placement.reason == .load)
        _ = try ask("x-session-id: other", "", "two")
        let next = try ask(secondField, second, "three")
        #expect(next.executor == home.executor && next.placement.reason == .session)
    }

    /// Requests have no session if they name only a user, and the tenant has no other user, or if the name is empty or
    /// no string.
    @Test(arguments: [("", #","user":"u1""#), ("x-session-id:", ""), ("", #","session_id":"","prompt_cache_key":7"#)])
    func whatNamesNoSessionIsIgnored(field: String, members: String) throws {
        let environment = try environment("prefix")
        for text in ["one", "two", "three"] {
            let body = #"{"model":"m","messages":[{"role":"user","content":"\#(text)"}]\#(members)}"#
            let fields = ["content-type: application/json", field].filter { !$0.isEmpty }.joined(separator: "\r\n")
            #expect(try placed(body, in: environment, fields: fields).placement.reason == .load)
        }
    }

    /// The setting `session_fields` replaces the list of header fields and members that can name a session.
    ///
    /// With an empty list no request has a session.
    @Test(arguments: [("[x-chat]", true), ("[body.chat.id]", true), ("[]", false), ("[x-session-id]", false)])
    func theListCanBeSet(list: String, isSession: Bool) throws {
        let models = "- {id: m, balance: prefix, executors: [{url: 'http://a:1'}, {url: 'http://b:1'}]}"
        let environment = TestEnvironment(try testSnapshot(models: models, settings: "session_fields: \(list)"))
        let fields = "content-type: application/json\r\nx-chat: c1"
        let body = #"{"model":"m","chat":{"id":"c1"},"messages":[{"role":"user","content":"hi"}]}"#
        _ = try placed(body, in: environment, fields: fields)
        #expect((try placed(body, in: environment, fields: fields).placement.reason == .session) == isSession)
    }

    /// Engines do not share the cache between prompts with different values of `cache_salt`.
    ///
    /// So equal prompts with different salts need not go to one executor.
    @Test func promptsWithDifferentSaltsShareNothing() throws {
        let environment = try environment("prefix")
        func salted(_ salt: String) -> String {
            String(Self.body(Self.text).dropLast()) + #","cache_salt":"\#(salt)"}"#
        }
        let first = try placed(salted("a"), in: environment)
        #expect(try placed(salted("b"), in: environment).placement.reason == .load)
        #expect(try placed(Self.body(Self.text), in: environment).placement.reason == .load)
        let again = try placed(salted("a"), in: environment)
        #expect(again.executor == first.executor && again.placement.reason == .prefix)
    }

    // MARK: Answers

    /// If an executor refuses a request because of the client's error, the pool does not assume that it cached the
    /// prompt.
    @Test(arguments: [400, 500]) func aRefusedPromptIsNotHeld(status: Int) throws {
        let environment = try environment("prefix", 1)
        let client = try TestClient(environment)
        client.ask(Self.body(Self.text))
        client.executors[0].refuse(status, #"{"error":{"message":"no","type":"invalid_request_error"}}"#)
        client.settle()
        #expect(client.finished != nil)
        #expect(try placed(Self.body(Self.text), in: environment).placement.believedBytes == 0)
    }

    /// A request that continues an earlier response (`previous_response_id`) goes to the executor that stored the
    /// response, with any balance.
    @Test(arguments: ["least-load", "prefix"]) func aStoredResponseIsContinuedByItsMaker(balance: String) throws {
        for isStream in [false, true] {
            let environment = try environment(balance)
            let client = try TestClient(environment)
            client.ask(#"{"model":"m","input":"hi","stream":\#(isStream)}"#, path: "/v1/responses")
            let maker = try #require(client.exchange.attempt?.executor.name)
            let response = #"{"id":"resp_1","object":"response","status":"completed","output":[],"usage":null}"#
            client.executors[0].answer(type: isStream ? "text/event-stream" : "application/json")
            let event = #"{"type":"response.completed","response":\#(response)}"#
            client.executors[0].say(isStream ? "event: response.completed\ndata: \(event)\n\n" : response)
            client.executors[0].end()
            client.settle()
            #expect(client.finished?.end == .complete)
            for _ in 0..<3 {
                let next = #"{"model":"m","input":"and","previous_response_id":"resp_1"}"#
                let found = try placed(next, in: environment, path: "/v1/responses")
                #expect(found.executor == maker && found.placement.reason == .response)
                let other = #"{"model":"m","input":"and","previous_response_id":"resp_2"}"#
                #expect(try placed(other, in: environment, path: "/v1/responses").placement.reason == .load)
            }
        }
    }
}
