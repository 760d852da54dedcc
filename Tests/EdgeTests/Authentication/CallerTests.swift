import HTTP
import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

private let hash = HMACSHA256(secret: Array("0123456789abcdef0123456789abcdef".utf8))

@Suite struct CallerTests {
    private let second: Nanoseconds = 1_000_000_000

    private func caller(_ limits: KeyLimits = KeyLimits(), models: [String]? = nil) throws -> Caller {
        let ring = KeyRing([AccessKey(id: "k", hash: hash("x".utf8), tenant: "t", models: models, limits: limits)])
        return Caller(try #require(ring.find(hash("x".utf8), at: 0)))
    }

    @Test func modelsAreAllowedByIDOrAlias() throws {
        let model = Model(id: "demo", aliases: ["d", "/models/d"])
        #expect(try caller().mayUse(model))
        #expect(try caller(models: ["other", "demo"]).mayUse(model))
        #expect(try caller(models: ["/models/d"]).mayUse(model))
        #expect(try !caller(models: ["dem"]).mayUse(model))
        #expect(try !caller(models: []).mayUse(model))
    }

    /// A key that is limited to some model names may not use a discovered model with such a name.
    ///
    /// Otherwise an engine could attract the key's requests by listing the name.
    @Test func aKeyWithAListMayUseNoDiscoveredModel() throws {
        let model = Model(id: "demo", isDiscovered: true)
        #expect(try caller().mayUse(model))
        #expect(try !caller(models: ["demo"]).mayUse(model))
    }

    @Test func limitsAreToldInTheFailure() throws {
        var one = try caller(KeyLimits(concurrency: 1, requestsPerMinute: 60, tokensPerMinute: 100))
        #expect(one.begin(at: second) == nil)
        var two = one
        #expect(two.begin(at: second)?.kind == .concurrencyLimited)
        #expect(two.begin(at: second)?.retryAfter == 1)
        let tooMany = one.reserve(promptBytes: 400, answerTokensMax: 1, at: second)
        #expect(tooMany?.status == 400 && tooMany?.retryAfter == nil && tooMany?.code == "request_exceeds_limit")
        #expect(
            tooMany?.message.contains("100 tokens a minute: its prompt counts 100, and its limit on the answer 1")
                == true
        )
        #expect(one.reserve(promptBytes: 41, answerTokensMax: 50, at: second) == nil)
        let wait = one.reserve(promptBytes: 0, answerTokensMax: 50, at: second)
        #expect(wait?.kind == .rateLimited && wait?.retryAfter == 7)
        #expect(one.reserve(promptBytes: .max / 8, answerTokensMax: .max, at: second)?.kind == .exceedsLimit)
        one.ended(used: 10, at: second)
        var fields = FieldBlock()
        one.appendRates(to: &fields, at: second)
        let told = ["limit", "remaining", "reset"].flatMap { what in
            ["requests", "tokens"].map { fields.string(named: "x-ratelimit-\(what)-\($0)") }
        }
        #expect(told == ["60", "100", "59", "90", "1s", "6s"])
        #expect(two.begin(at: second) == nil, "the place is free again")
    }

    @Test func endingTwiceGivesBackOnce() throws {
        var caller = try caller(KeyLimits(concurrency: 1))
        #expect(caller.begin(at: 0) == nil)
        var other = caller
        caller.ended(used: 0, at: second)
        caller.ended(used: 0, at: second)
        #expect(other.begin(at: 0) == nil)
        #expect(caller.begin(at: 0) != nil)
    }

    /// A client without an API key gets a message that names the limit of all clients without a key.
    @Test func callersWithoutAKeyAreToldWhoseLimitItIs() {
        var limits = KeyLimits(concurrency: 1, requestsPerMinute: 1, tokensPerMinute: 10)
        var anonymous = Caller(anonymousOf: Authenticator(anonymousLimits: limits))
        #expect(anonymous.begin(at: 1) == nil)
        let tooMany = anonymous.begin(at: 1)
        #expect(tooMany?.message == "Too many requests at once: callers without an API key together have at most 1.")
        let neverFits = anonymous.reserve(promptBytes: 400, answerTokensMax: 0, at: 1)
        #expect(neverFits?.message.contains("callers without an API key") == true && neverFits?.status == 400)
        limits.concurrency = nil
        var other = Caller(anonymousOf: Authenticator(anonymousLimits: limits))
        #expect(other.begin(at: 1) == nil)
        let rate = other.begin(at: 1)
        #expect(rate?.message == "Rate limit reached: callers without an API key together have 1 requests a minute.")
    }

    /// A caller may use another kind of quota than its key's.
    ///
    /// The quota gets back exactly what was taken from it, even if `ended` is called twice.
    @Test func anotherQuotaMayStandBehindACaller() {
        let key = AccessKey(id: "k", hash: [], tenant: "t", limits: KeyLimits(tokensPerMinute: 100))
        let quota = ScriptedQuota()
        var caller = Caller(key, quota: quota)
        #expect(caller.begin(at: 1) == nil)
        #expect(caller.reserve(promptBytes: 0, answerTokensMax: 50, at: 2) == nil)
        caller.ended(used: 7, at: second)
        caller.ended(used: 7, at: second)
        #expect(quota.take() == ["begin", "reserve 50", "settle 50 7", "ended"])
        quota.deny(.requests(wait: second))
        var denied = Caller(key, quota: quota)
        #expect(denied.begin(at: 3)?.kind == .rateLimited)
        denied.ended(used: 0, at: second)
        #expect(quota.take() == ["begin"])
        quota.deny(nil)
        var large = Caller(key, quota: quota)
        #expect(large.begin(at: 4) == nil)
        quota.deny(.tokens(wait: .max))
        #expect(large.reserve(promptBytes: 0, answerTokensMax: 500, at: 5)?.kind == .exceedsLimit)
        large.ended(used: 0, at: second)
        #expect(quota.take() == ["begin", "reserve 500", "ended"])
        var fields = FieldBlock()
        large.appendRates(to: &fields, at: 6)
        #expect(fields.string(named: "x-ratelimit-limit-tokens") == "9")
        #expect(fields.string(named: "x-ratelimit-limit-requests") == nil)
    }

    @Test func toCountTokensTakesNoneOfARate() throws {
        let access = Authenticator(hash: hash, isRequired: true)
        let limits = KeyLimits(tokensPerMinute: 1)
        access.publish([AccessKey(id: "k", hash: hash("fi-k".utf8), tenant: "t", limits: limits)])
        let snapshot = try testSnapshot(models: "- {id: m, executors: [{url: 'http://one:1'}]}")
        let client = try TestClient(TestEnvironment(snapshot, access: access))
        let body = chat(stream: false)
        client.peer.send(
            "POST /v1/messages/count_tokens HTTP/1.1\r\nhost: h\r\nx-api-key: fi-k\r\n"
                + "content-length: \(body.utf8.count)\r\n\r\n\(body)"
        )
        client.settle()
        try #require(client.executors.count == 1)
        client.executors[0].answer(type: "application/json")
        client.executors[0].say(#"{"input_tokens":9}"#)
        client.executors[0].end()
        #expect(client.status == 200)
        #expect(client.received.contains("x-ratelimit-remaining-tokens: 1\r\n"))
    }

    @Test func durationsAreWrittenAsOpenAIWritesThem() {
        let cases: [(Nanoseconds, String)] = [
            (0, "0ms"), (1, "1ms"), (20_000_000, "20ms"), (999_000_000, "999ms"), (1_000_000_000, "1s"),
            (5_100_000_000, "6s"), (60_000_000_000, "1m0s"), (90_000_000_000, "1m30s"),
        ]
        for (duration, text) in cases { #expect(Caller.text(duration) == text) }
    }
}

/// A quota for tests: it records the calls, and returns the results that the test has set.
private final class ScriptedQuota: Quota {
    private struct State {
        var calls: [String] = []
        var denial: QuotaDenial?
    }
    private let state = Lock(State())

    func deny(_ denial: QuotaDenial?) { state.withLock { $0.denial = denial } }

    func take() -> [String] {
        state.withLock { state in
            defer { state.calls = [] }
            return state.calls
        }
    }

    private func called(_ call: String) -> QuotaDenial? {
        state.withLock { state in
            state.calls.append(call)
            return state.denial
        }
    }

    func begin(_ limits: KeyLimits, at now: Nanoseconds) -> QuotaDenial? { called("begin") }
    func ended() { _ = called("ended") }
    func reserve(_ tokens: Int, _ limits: KeyLimits, at now: Nanoseconds) -> QuotaDenial? {
        called("reserve \(tokens)")
    }
    func settle(reserved: Int, used: Int, _ limits: KeyLimits, at now: Nanoseconds) {
        _ = called("settle \(reserved) \(used)")
    }
    func countReset(of most: Int, at now: Nanoseconds) -> Bool { called("reset \(most)") != nil }
    func resetWait(at now: Nanoseconds) -> Nanoseconds { 0 }
    func requestRate(_ limits: KeyLimits, at now: Nanoseconds) -> QuotaRate? { nil }
    func tokenRate(_ limits: KeyLimits, at now: Nanoseconds) -> QuotaRate? {
        QuotaRate(limit: 9, remaining: 8, reset: 1)
    }
}
