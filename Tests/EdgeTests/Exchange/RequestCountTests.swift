import Foundation
import HTTP
import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

private let hash = HMACSHA256(secret: Array("0123456789abcdef0123456789abcdef".utf8))

/// How many tokens of its key a request counts, before its executor has reported them and after.
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
        // The body is sent in pieces that the socket takes.
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

    /// An image of 300 kB in base64, in the form of each API.
    @Test(arguments: [
        ("/v1/chat/completions", #"{"type":"image_url","image_url":{"url":"data:image/png;base64,@"}}"#),
        ("/v1/messages", #"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"@"}}"#),
    ]) func aPictureCountsAThousandTokens(path: String, part: String) throws {
        let client = try client()
        let picture = part.replacing("@", with: String(repeating: "iVBORw0K", count: 300_000 / 8))
        ask(client, #"{"model":"m","max_tokens":10,"messages":[{"role":"user","content":[\#(picture)]}]}"#, path: path)
        #expect(client.executors.count == 1)
        #expect((48_900...49_000).contains(try remaining(client)), "1000, 10, and the words around")
        // An image of a thousand tiles: the count of the executor is believed.
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
        // The counts of a template of a thousand tokens, and of reasoning that is not shown, are plausible.
        let details = #""completion_tokens_details":{"reasoning_tokens":20000}"#
        answer(client, usage: #"{"prompt_tokens":1100,"completion_tokens":20010,\#(details)}"#)
        let used = try #require(client.finished?.usage)
        #expect(used.input == 1100 && used.output == 20_010 && !used.isCapped && !used.isOutputEstimated)
        #expect(try remaining(client) == 50_000 - 21_110)
    }

    /// A key is refused for two minutes at most, whatever usage was reported.
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

/// A full queue is shared between tenants: an exchange may have to leave it for one of another tenant.
@Suite struct GivingWayTests {
    private let access = Authenticator(hash: hash, isRequired: true)

    private func environment(_ models: String) throws -> TestEnvironment {
        access.publish(["a", "b"].map { AccessKey(id: $0, hash: hash("fi-\($0)".utf8), tenant: $0) })
        return TestEnvironment(try testSnapshot(models: models, settings: "admission: {max_queue: 2}"), access: access)
    }

    private func ask(_ client: TestClient, _ tenant: String) {
        let body = chat()
        client.peer.send(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nx-api-key: fi-\(tenant)\r\n"
                + "content-length: \(body.utf8.count)\r\n\r\n\(body)"
        )
        client.settle()
    }

    @Test func itIsToldThatTheQueueIsFull() throws {
        let environment = try environment("- {id: m, executors: [{url: 'http://one:1', max_running: 1}]}")
        let clients = try (0..<4).map { _ in try TestClient(environment) }
        for client in clients[..<3] { ask(client, "a") }
        #expect(environment.finished.isEmpty && environment.executors.count == 1)
        ask(clients[3], "b")
        #expect(clients[2].status == 429 && clients[2].received.contains("queue_full"))
        #expect(clients[2].received.contains("retry-after: 1"))
        #expect(environment.finished.count == 1 && environment.snapshot.pool(of: "m").waitingCount == 2)
        // Executors become free: the first exchange of `a` is served, and then `b`.
        for _ in 0..<3 {
            let executor = try #require(environment.executors.last)
            executor.answer()
            executor.say(Said.token + Said.finish + Said.done)
            executor.end()
            clients[0].settle()
        }
        #expect(environment.finished.map(\.tenant) == ["a", "a", "a", "b"])
        #expect(environment.finished.dropFirst().allSatisfy { $0.end == .complete })
    }

    @Test func aFallbackTakesIt() throws {
        let environment = try environment(
            """
            - {id: m, fallbacks: [n], executors: [{url: 'http://one:1', max_running: 1}]}
            - {id: n, executors: [{url: 'http://two:1'}]}
            """
        )
        let clients = try (0..<4).map { _ in try TestClient(environment) }
        for client in clients[..<3] { ask(client, "a") }
        ask(clients[3], "b")
        #expect(environment.finished.isEmpty && environment.executors.map(\.name) == ["http://one:1", "http://two:1"])
        // Another exchange has its position in the queue.
        #expect(environment.snapshot.pool(of: "m").waitingCount == 2)
    }

    /// The end of a wait that arrives late, when the exchange waits in another queue or anew, ends nothing.
    @Test func whoHasLeftTheQueueGivesNoWay() throws {
        let snapshot = try testSnapshot(models: "- {id: m, executors: [{url: 'http://one:1', max_running: 1}]}")
        let pool = snapshot.pool(of: "m")
        let ways = Lock<[GaveWay]>([])
        var selection = ExecutorSelection(
            pools: [pool],
            request: RoutingRequest(tenant: "a"),
            limits: AdmissionLimits(waitMax: 8_000_000_000, queueMax: 2),
            budget: RetryBudget()
        )
        func admit(_ tenant: String) -> QueueTicket? {
            let request = RoutingRequest(tenant: tenant)
            let admission = pool.admit(request, waitMax: 8_000_000_000, queueMax: 2, at: 1) { _ in }
            if case .waiting(let ticket) = admission { return ticket }
            return nil
        }
        func wait() {
            _ = selection.next(after: .arrival, at: 1) { end in
                if case .gaveWay(let way) = end { ways.withLock { $0.append(way) } }
            }
        }
        guard case .executor(let executor) = pool.choose(at: 1) else { return }
        let first = try #require(admit("a"))
        wait()
        let second = try #require(admit("b"))
        let way = try #require(ways.withLock { $0.first })
        #expect(selection.stands(at: way) && pool.waitingCount == 2)
        selection.stopWaiting(at: 1)
        #expect(!selection.stands(at: way))
        pool.leave(second)
        wait()
        #expect(!selection.stands(at: way) && pool.waitingCount == 2)
        selection.ended(at: 1)
        pool.leave(first)
        pool.release(executor, began: 1, at: 1)
    }
}
