import Inference
import Routing
import Testing
import Transport

@testable import Edge

@Suite struct KeyRatesTests {
    private let hash = HMACSHA256(secret: Array("0123456789abcdef0123456789abcdef".utf8))
    private let limits = KeyLimits(requestsPerMinute: 60, tokensPerMinute: 6000)

    private func authenticator(_ ids: String...) -> Authenticator {
        let access = Authenticator(hash: hash, anonymousLimits: limits)
        access.publish(
            ids.map { AccessKey(id: $0, hash: hash("fi-\($0)".utf8), tenant: "t", limits: limits) },
            at: 1
        )
        return access
    }

    private func use(_ id: String, in access: Authenticator) throws -> KeyUse {
        try #require(access.keys?.current.find(hash("fi-\(id)".utf8), at: 0)).use
    }

    @Test func whatAPredecessorUsesCountsInTheMainProcess() throws {
        let (old, new) = (authenticator("a", "b", "gone"), authenticator("a", "b"))
        #expect(KeyRates(takenFrom: old) == nil)
        for id in ["a", "b", "gone"] { _ = try use(id, in: old).record(at: 0) }
        _ = old.anonymousUse.record(at: 0)
        #expect(KeyRates(takenFrom: old) == nil)
        for id in ["a", "gone"] {
            #expect(try use(id, in: old).begin(limits, at: 0) == nil)
            #expect(try use(id, in: old).reserve(700, limits, at: 0) == nil)
        }
        #expect(old.anonymousUse.begin(limits, at: 0) == nil)
        let rates = try #require(KeyRates(takenFrom: old))
        #expect(KeyRates(takenFrom: old) == nil, "each use is reported once")
        let json = try #require(JSONValue(parsing: rates.json))
        #expect(KeyRates(json) == rates)
        KeyRates(json).add(to: new, at: 0)
        #expect(try use("a", in: new).requestRate(limits, at: 0)?.remaining == 59)
        #expect(try use("a", in: new).tokenRate(limits, at: 0)?.remaining == 5300)
        #expect(try use("b", in: new).requestRate(limits, at: 0)?.remaining == 60)
        #expect(new.anonymousUse.requestRate(limits, at: 0)?.remaining == 59)
        // Tokens that were reserved and not used are given back.
        try use("a", in: old).settle(reserved: 700, used: 100, limits, at: 0)
        try #require(KeyRates(takenFrom: old)).add(to: new, at: 0)
        #expect(try use("a", in: new).tokenRate(limits, at: 0)?.remaining == 5900)
    }

    @Test(arguments: [
        "{}", "[]", "7", #"{"keys":{"a":1}}"#, #"{"keys":[{"requests":5}],"anonymous":[]}"#,
        #"{"keys":[{"id":"a","requests":-9223372036854775808}]}"#,
    ])
    func whatIsNotValidCountsAsNoUse(text: String) throws {
        let access = authenticator("a")
        let json = try #require(JSONValue(parsing: Array(text.utf8)))
        KeyRates(json).add(to: access, at: 0)
        #expect(try use("a", in: access).requestRate(limits, at: 0)?.remaining == 60)
    }

    @Test func hostileNumbersDoNoHarm() throws {
        let access = authenticator("a")
        _ = try use("a", in: access).record(at: 0)
        let text = #"{"keys":[{"id":"a","requests":9223372036854775807,"tokens":9223372036854775807}]}"#
        let json = try #require(JSONValue(parsing: Array(text.utf8)))
        for _ in 0..<3 { KeyRates(json).add(to: access, at: 0) }
        #expect(try use("a", in: access).requestRate(limits, at: 0)?.remaining == 0)
        #expect(try use("a", in: access).requestRate(limits, at: 121_000_000_000)?.remaining == 60)
    }
}
