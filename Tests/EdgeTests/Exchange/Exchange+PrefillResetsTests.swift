import HTTP
import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

private let hash = HMACSHA256(secret: Array("0123456789abcdef0123456789abcdef".utf8))

/// Clients that often give up requests before the answers begin are refused further requests for a while.
@Suite struct ExchangePrefillResetsTests {
    private let access = Authenticator(hash: hash)

    private func environment(_ limit: String, ofKeyB own: Int? = nil) throws -> TestEnvironment {
        let keys = [("a", nil), ("b", own)] as [(String, Int?)]
        access.publish(
            keys.map { id, resets in
                AccessKey(id: id, hash: hash("fi-\(id)".utf8), tenant: id, limits: KeyLimits(prefillResets: resets))
            }
        )
        let snapshot = try testSnapshot(
            models: "- {id: m, executors: [{url: 'http://one:1'}]}",
            settings: "limits: {prefill_resets: \(limit)}"
        )
        return TestEnvironment(snapshot, access: access)
    }

    private func fields(_ key: String?) -> String {
        "content-type: application/json" + (key.map { "\r\nauthorization: Bearer fi-\($0)" } ?? "")
    }

    /// Sends a request on a new connection, runs `before` with the executor, and then closes the connection.
    private func giveUp(
        _ environment: TestEnvironment,
        key: String? = nil,
        after before: (PlayedExecutor) -> Void = { $0.takeRequest() }
    ) throws {
        let client = try TestClient(environment)
        client.ask(fields: fields(key))
        before(try #require(environment.executors.last))
        client.settle()
        client.leave()
        #expect(environment.finished.last?.end == .clientLeft)
    }

    /// Whether the edge sends a further request to an executor.
    ///
    /// Otherwise the edge must refuse it with 429, because the client has given up too many requests.
    private func isServed(_ environment: TestEnvironment, key: String? = nil) throws -> Bool {
        let client = try TestClient(environment)
        let attempts = environment.executors.count
        client.ask(fields: fields(key))
        if environment.executors.count > attempts {
            environment.executors.last?.answer()
            environment.executors.last?.say(Said.token + Said.finish + Said.done)
            environment.executors.last?.end()
            return client.status == 200
        }
        guard case .failed(let failure)? = environment.finished.last?.end else { return false }
        #expect(failure.kind == .resetLimit && failure.detail?.contains("prefill_resets") == true)
        #expect(client.status == 429)
        #expect(client.received.contains("retry-after: "))
        #expect(client.received.contains(#""code":"reset_limit""#))
        return false
    }

    @Test func anAddressWithoutTokensIsRefusedUntilOneIsThere() throws {
        let environment = try environment("2")
        let keeping = try TestClient(environment)
        for _ in 0..<2 {
            #expect(try isServed(environment))
            try giveUp(environment)
        }
        #expect(try !isServed(environment))
        #expect(environment.metrics.counters.prefillResets == 2)
        #expect(environment.resetWarnings == ["127.0.0.1"])
        keeping.pass(29_000_000_000, step: 1_000_000_000)
        #expect(try !isServed(environment))
        keeping.pass(2_000_000_000, step: 1_000_000_000)
        #expect(try isServed(environment))
        keeping.leave()
    }

    /// The key b has its own limit, which is above or below the limit for all others, or is the only limit (`off`).
    @Test(arguments: [("1", 3), ("4", 2), ("off", 3)]) func aKeyMayHaveItsOwnLimit(_ all: String, _ own: Int) throws {
        let environment = try environment(all, ofKeyB: own)
        let keeping = try TestClient(environment)
        for _ in 0..<own {
            #expect(try isServed(environment, key: "b"))
            try giveUp(environment, key: "b")
        }
        try giveUp(environment, key: "a")
        #expect(try !isServed(environment, key: "b"))
        #expect(environment.finished.last?.key == "b")
        #expect(try isServed(environment, key: "a") == (all != "1"))
        #expect(environment.resetWarnings.contains("the key b"))
        keeping.leave()
    }

    @Test func aKeyIsRefusedAloneAndNotItsAddress() throws {
        let environment = try environment("2")
        let keeping = try TestClient(environment)
        for _ in 0..<2 { try giveUp(environment, key: "a") }
        #expect(try !isServed(environment, key: "a"))
        #expect(try isServed(environment, key: "b"))
        #expect(try isServed(environment))
        #expect(environment.resetWarnings == ["the key a"])
        // The count of requests that the key has given up survives a new list of keys.
        access.publish(["a"].map { AccessKey(id: $0, hash: hash("fi-\($0)".utf8), tenant: $0) })
        #expect(try !isServed(environment, key: "a"))
        keeping.leave()
    }

    /// A request that a client gives up is not counted if no executor has got it yet, or if its answer has begun.
    @Test func onlyThePrefillCounts() throws {
        let environment = try environment("1")
        let keeping = try TestClient(environment)
        for _ in 0..<3 { try giveUp(environment) { _ in } }
        for _ in 0..<3 {
            try giveUp(environment) {
                $0.answer()
                $0.say(Said.token)
            }
        }
        #expect(environment.metrics.counters.prefillResets == 0)
        #expect(try isServed(environment))
        try giveUp(environment) { $0.answer() }
        #expect(try !isServed(environment), "the head of an answer is not its first event")
        keeping.leave()
    }

    @Test func theServersOwnClosesDoNotCount() throws {
        let environment = try environment("1")
        let keeping = try TestClient(environment)
        let client = try TestClient(environment)
        client.ask()
        environment.executors.last?.takeRequest()
        client.exchange.stream.connection.close(.edge)
        #expect(environment.metrics.counters.prefillResets == 0)
        #expect(try isServed(environment))
        keeping.leave()
    }

    @Test func offCountsNothing() throws {
        let environment = try environment("off")
        let keeping = try TestClient(environment)
        for _ in 0..<5 { try giveUp(environment) }
        #expect(environment.metrics.counters.prefillResets == 0)
        #expect(try isServed(environment))
        keeping.leave()
    }
}
