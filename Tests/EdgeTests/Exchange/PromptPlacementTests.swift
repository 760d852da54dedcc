import Inference
import LoopTesting
import Routing
import Testing

@testable import Edge

/// How exchanges hash their prompts, and what they tell their pool of answers.
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

    /// How the executor was chosen for a request of a new client.
    private func placed(
        _ body: String,
        in environment: TestEnvironment,
        path: String = "/v1/chat/completions"
    ) throws -> (executor: String, placement: Placement) {
        let client = try TestClient(environment)
        client.ask(body, path: path)
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

    /// The billing block changes with each request; these executors get the prompt without it.
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

    /// The bytes of an image say nothing about the work for the executor.
    @Test func aPromptWithAnImageIsLeftAlone() throws {
        let environment = try environment("prefix")
        let image =
            #"{"type":"image_url","image_url":{"url":"data:image/png;base64,\#(String(repeating: "A", count: 9000))"}}"#
        let body = #"{"model":"m","messages":[{"role":"user","content":[\#(image)]}]}"#
        for _ in 0..<3 {
            let placement = try placed(body, in: environment).placement
            #expect(placement.believedBytes == 0 && placement.reason == .load)
        }
    }

    /// Bytes of the body beside the prompt are no work for the executor.
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
}
