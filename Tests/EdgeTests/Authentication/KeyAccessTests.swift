import HTTP
import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

private let hash = HMACSHA256(secret: Array("0123456789abcdef0123456789abcdef".utf8))

@Suite struct KeyAccessTests {
    private func fields(_ fields: (String, String)...) -> FieldBlock {
        var block = FieldBlock()
        for (name, value) in fields { block.append(name: name, value: value) }
        return block
    }

    private func access(isRequired: Bool = true) -> KeyAccess {
        let access = KeyAccess(hash: hash, isRequired: isRequired)
        access.publish([
            AccessKey(id: "good", hash: hash("fi-good".utf8), tenant: "t"),
            AccessKey(id: "old", hash: hash("fi-old".utf8), tenant: "t", expires: 100),
        ])
        return access
    }

    private func name(_ identity: Identity) -> String {
        switch identity {
        case .key(let entry): entry.key.id
        case .anonymous: "anonymous"
        case .nobody: "nobody"
        }
    }

    @Test func aKeyIsReadFromEitherField() {
        let access = access()
        let cases: [(FieldBlock, String)] = [
            (fields(("authorization", "Bearer fi-good")), "good"), (fields(("x-api-key", "fi-good")), "good"),
            (fields(("authorization", "bEARER   fi-good")), "good"),
            (fields(("authorization", "Basic eDp5"), ("x-api-key", "fi-good")), "good"),
            (fields(("authorization", "Bearer fi-bad"), ("x-api-key", "fi-good")), "nobody"),
            (fields(("authorization", "Bearer fi-good"), ("x-api-key", "fi-bad")), "nobody"),
            (fields(("x-api-key", "fi-old"), ("authorization", "Bearer fi-good")), "nobody"),
            (fields(("authorization", "Bearer fi-good"), ("x-api-key", "fi-goodx")), "nobody"),
            (fields(("authorization", "Bearer fi-good"), ("x-api-key", "fi-good")), "good"),
            (fields(("authorization", "Bearer fi-good"), ("x-api-key", "")), "good"),
            (fields(("authorization", "Bearer "), ("x-api-key", "fi-good")), "good"),
            (fields(("authorization", "Bearer"), ("x-api-key", "")), "nobody"),
            (fields(("authorization", "fi-good")), "nobody"), (fields(("authorization", "Bearer")), "nobody"),
            (fields(("authorization", "Bearer fi-good x")), "nobody"), (fields(("x-api-key", "")), "nobody"),
            (fields(("authorization", "Bearer fi-good"), ("authorization", "Bearer fi-good")), "nobody"),
            (fields(("x-api-key", String(repeating: "x", count: 30_000))), "nobody"),
            (fields(("authorization", "Bearer fi-old")), "nobody"), (fields(), "nobody"),
        ]
        for (fields, expected) in cases {
            #expect(name(access.identify(fields, hasher: access.makeHasher(), at: 100)) == expected)
        }
        #expect(name(access.identify(fields(("x-api-key", "fi-old")), hasher: access.makeHasher(), at: 99)) == "old")
    }

    @Test func whereNoKeyIsRequiredOneThatIsGivenMustBeGood() {
        let access = access(isRequired: false)
        #expect(name(access.identify(fields(), hasher: access.makeHasher(), at: 0)) == "anonymous")
        #expect(name(access.identify(fields(("x-api-key", "fi-good")), hasher: access.makeHasher(), at: 0)) == "good")
        #expect(name(access.identify(fields(("x-api-key", "fi-bad")), hasher: access.makeHasher(), at: 0)) == "nobody")
    }

    @Test func whereThereAreNoKeysEverybodyIsAnonymous() {
        let access = KeyAccess()
        #expect(
            name(access.identify(fields(("authorization", "Bearer none")), hasher: access.makeHasher(), at: 0))
                == "anonymous"
        )
    }

    @Test func whatIsPublishedIsInForce() {
        let access = access()
        access.publish([AccessKey(id: "new", hash: hash("fi-new".utf8), tenant: "t")])
        #expect(name(access.identify(fields(("x-api-key", "fi-good")), hasher: access.makeHasher(), at: 0)) == "nobody")
        #expect(name(access.identify(fields(("x-api-key", "fi-new")), hasher: access.makeHasher(), at: 0)) == "new")
    }
}

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

    /// Who has no key is not told of one.
    @Test func callersWithoutAKeyAreToldWhoseLimitItIs() {
        var limits = KeyLimits(concurrency: 1, requestsPerMinute: 1, tokensPerMinute: 10)
        var anonymous = Caller(anonymousOf: KeyAccess(anonymousLimits: limits))
        #expect(anonymous.begin(at: 1) == nil)
        let tooMany = anonymous.begin(at: 1)
        #expect(tooMany?.message == "Too many requests at once: callers without an API key together have at most 1.")
        let neverFits = anonymous.reserve(promptBytes: 400, answerTokensMax: 0, at: 1)
        #expect(neverFits?.message.contains("callers without an API key") == true && neverFits?.status == 400)
        limits.concurrency = nil
        var other = Caller(anonymousOf: KeyAccess(anonymousLimits: limits))
        #expect(other.begin(at: 1) == nil)
        let rate = other.begin(at: 1)
        #expect(rate?.message == "Rate limit reached: callers without an API key together have 1 requests a minute.")
    }

    /// Whatever counts, it is asked for what it is to be given back, and for no more.
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
        let access = KeyAccess(hash: hash, isRequired: true)
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

/// A quota that answers as it is told, and keeps what it was asked.
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
    func requestRate(_ limits: KeyLimits, at now: Nanoseconds) -> QuotaRate? { nil }
    func tokenRate(_ limits: KeyLimits, at now: Nanoseconds) -> QuotaRate? {
        QuotaRate(limit: 9, remaining: 8, reset: 1)
    }

    @Test func whyAKeyIsRefusedIsKnownToTheLog() throws {
        func key(_ id: String) -> AccessKey { AccessKey(id: id, hash: hash("fi-\(id)".utf8), tenant: "t") }
        var (old, gone) = (key("old"), key("gone"))
        old.expires = 5
        gone.isRevoked = true
        let access = KeyAccess(hash: hash, isRequired: true)
        access.publish([key("good"), old, gone])
        func refusal(_ pairs: (String, String)...) -> KeyRefusal? {
            var block = FieldBlock()
            for pair in pairs { block.append(name: pair.0, value: pair.1) }
            if case .nobody(let refusal) = access.identify(block, hasher: access.makeHasher(), at: 5) { return refusal }
            return nil
        }
        #expect(refusal() == .missing)
        #expect(refusal(("x-api-key", "fi-other")) == .unknown)
        #expect(refusal(("authorization", "Bearer fi-old")) == .expired("old"))
        #expect(refusal(("authorization", "Bearer fi-gone")) == .revoked("gone"))
        #expect(refusal(("authorization", "Basic eDp5")) == .unreadable)
        #expect(refusal(("x-api-key", "fi-good"), ("x-api-key", "fi-good")) == .unreadable)
        #expect(refusal(("x-api-key", "fi-good")) == nil)
        #expect(KeyRefusal.expired("old").keyID == "old" && KeyRefusal.unknown.keyID == nil)
    }
}
