import Foundation
import HTTP
import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

private let hash = HMACSHA256(secret: Array("0123456789abcdef0123456789abcdef".utf8))

/// How many tokens a request takes from its API key's limit.
///
/// An estimate is reserved before the executor reports its usage; then the reservation is replaced by the usage.
@Suite struct RequestCountTests {
    private let second: Nanoseconds = 1_000_000_000
    private let access = Authenticator(hash: hash, isRequired: true)
    private let limits = KeyLimits(tokensPerMinute: 50_000)
    private static let model = "- {id: m, executors: [{url: 'http://one:1'}]}"

    private func client(_ models: String = model, _ limits: KeyLimits? = nil) throws -> TestClient {
        access.publish([AccessKey(id: "k", hash: hash("fi-k".utf8), tenant: "t", limits: limits ?? self.limits)])
        return try TestClient(TestEnvironment(try testSnapshot(models: models), access: access))
    }

    private func ask(_ client: TestClient, _ body: String, path: String = "/v1/chat/completions", more: String = "") {
        client.peer.send(
            "POST \(path) HTTP/1.1\r\nhost: h\r\nx-api-key: fi-k\r\n\(more)content-length: \(body.utf8.count)\r\n\r\n"
        )
        client.settle()
        // The body is sent in pieces that fit into the socket's buffer.
        var rest = Substring(body)
        while !rest.isEmpty {
            client.peer.send(String(rest.prefix(60_000)))
            rest = rest.dropFirst(60_000)
            client.settle()
        }
    }

    private func answer(_ client: TestClient, usage: String) {
        guard let executor = client.executors.last else { return }
        executor.answer(type: "application/json")
        executor.say(
            #"{"type":"message","stop_reason":"end_turn","choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}],"usage":\#(usage)}"#
        )
        executor.end()
        client.settle()
    }

    private var use: KeyUse {
        get throws {
            var fields = FieldBlock()
            fields.append(name: "x-api-key", value: "fi-k")
            guard case .key(let entry) = access.identify(fields, hasher: access.makeHasher(), at: 0) else {
                throw DocumentedTable.Problem(text: "no key")
            }
            return entry.use
        }
    }

    private func remaining(_ client: TestClient) throws -> Int {
        try #require(try use.tokenRate(limits, at: client.environment.loop.now)).remaining
    }

    /// An image of 300 kB in base64, in the format of each API.
    @Test(arguments: [
        ("/v1/chat/completions", #"{"type":"image_url","image_url":{"url":"data:image/png;base64,@"}}"#),
        ("/v1/messages", #"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"@"}}"#),
    ]) func aPictureCountsAThousandTokens(path: String, part: String) throws {
        let client = try client()
        let picture = part.replacing("@", with: String(repeating: "iVBORw0K", count: 300_000 / 8))
        ask(client, #"{"model":"m","max_tokens":10,"messages":[{"role":"user","content":[\#(picture)]}]}"#, path: path)
        #expect(client.executors.count == 1)
        #expect((48_900...49_000).contains(try remaining(client)), "1000, 10, and the words around")
        // The executor reports 3000 tokens for the request. That is more than the estimate, but is believed.
        answer(client, usage: #"{"prompt_tokens":3000,"completion_tokens":5,"input_tokens":3000,"output_tokens":5}"#)
        #expect(client.status == 200 && client.finished?.usage?.isInputEstimated == false)
        #expect(try remaining(client) == 50_000 - 3005)
    }

    @Test func aModelSaysWhatAPictureCounts() throws {
        let client = try client("- {id: m, media_tokens: {image: 85}, executors: [{url: 'http://one:1'}]}")
        let part = #"{"type":"image_url","image_url":{"url":"https://example.org/a.png"}}"#
        ask(client, #"{"model":"m","max_tokens":10,"messages":[{"role":"user","content":[\#(part)]}]}"#)
        #expect((49_800...49_900).contains(try remaining(client)))
        answer(client, usage: "null")
        let used = try #require(client.finished?.usage)
        #expect(used.isInputEstimated && (85...140).contains(used.input), "\(used.input)")
    }

    @Test func whatCanNeverFitIsToldSo() throws {
        let client = try client()
        ask(client, #"{"model":"m","max_tokens":60000,"messages":[]}"#)
        #expect(client.status == 400 && !client.received.contains("retry-after"))
        #expect(client.received.contains(#""code":"request_exceeds_limit""#))
        #expect(client.received.contains("has 50000 tokens a minute") && client.received.contains("60000"))
        #expect(try remaining(client) == 50_000 && client.executors.isEmpty)
        let line = String(decoding: try #require(client.finished).logLine, as: UTF8.self)
        #expect(line.contains(#""end":"exceeds_limit","side":"client""#))
    }

    // MARK: Implausible counts

    @Test(arguments: [
        (#""max_tokens":10,"#, #"{"prompt_tokens":1000000000,"completion_tokens":1000000000}"#, 10),
        (#""max_tokens":10,"n":3,"#, #"{"prompt_tokens":1000000000,"completion_tokens":1000000000}"#, 30),
    ]) func anAbsurdCountIsCutToWhatCanBe(limit: String, usage: String, most: Int) throws {
        let client = try client()
        let body = #"{"model":"m",\#(limit)"messages":[{"role":"user","content":"hello"}]}"#
        ask(client, body)
        answer(client, usage: usage)
        let finished = try #require(client.finished)
        let used = try #require(finished.usage)
        #expect(used.output == most && used.isCapped && used.isInputEstimated && used.isOutputEstimated)
        #expect(used.input <= body.utf8.count + client.received.utf8.count + UsageBounds.templateTokens)
        let line = try #require(try JSONSerialization.jsonObject(with: Data(finished.logLine)) as? [String: Any])
        #expect(line["usage_capped"] as? Bool == true && line["tokens_estimated"] as? Bool == true)
        #expect(try remaining(client) > 40_000)
    }

    @Test func aCountThatCanBeIsBelieved() throws {
        let client = try client()
        ask(client, #"{"model":"m","messages":[{"role":"user","content":"hello"}]}"#)
        // The body and the answer are short. But an engine's prompt template may add 1000 tokens, and its model may
        // have generated 20,000 tokens of reasoning that it does not send.
        let details = #""completion_tokens_details":{"reasoning_tokens":20000}"#
        answer(client, usage: #"{"prompt_tokens":1100,"completion_tokens":20010,\#(details)}"#)
        let used = try #require(client.finished?.usage)
        #expect(used.input == 1100 && used.output == 20_010 && !used.isCapped && !used.isOutputEstimated)
        #expect(try remaining(client) == 50_000 - 21_110)
    }

    /// A key whose usage exceeds its token limit is refused for at most two minutes, however much usage was reported.
    @Test func aDebtEnds() throws {
        let limits = KeyLimits(tokensPerMinute: 100)
        let client = try client(Self.model, limits)
        ask(client, #"{"model":"m","messages":[]}"#)
        answer(client, usage: #"{"prompt_tokens":4000,"completion_tokens":10}"#)
        let now = client.environment.loop.now
        #expect(try use.reserve(10, limits, at: now) != nil)
        #expect(try use.reserve(10, limits, at: now + 120 * second) == nil)
    }
}
