import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

/// Tests what happens to exchanges at an engine when health probes find that it is dead.
@Suite struct EngineDeathTests {
    private let refused = EngineDeath(reason: "connect: Connection refused", isRefusal: true)
    private let silent = EngineDeath(reason: "no answer in time", isRefusal: false)

    private func client(_ settings: String = "timeouts: {stall: 300s, first_event: 300s}\nkeep_alive: 300s") throws
        -> TestClient
    {
        let executors = "{url: 'http://one:1'}, {url: 'http://two:1'}"
        let models = "- {id: m, balance: round-robin, executors: [\(executors)]}"
        return try TestClient(TestEnvironment(testSnapshot(models: models, settings: settings)))
    }
    private func engine(_ client: TestClient, _ place: Int = 0) -> Engine {
        client.environment.snapshot.engines[place].engine
    }

    @Test func aSilentAttemptGoesOnElsewhere() throws {
        let client = try client()
        client.ask()
        client.pass(19 * second, step: second)
        client.exchange.engineDied(engine(client), silent)
        #expect(client.executors.count == 1, "not silent for long enough")
        client.pass(second)
        client.exchange.engineDied(engine(client, 1), silent)
        #expect(client.executors.count == 1, "another engine's death")
        client.exchange.engineDied(engine(client), silent)
        #expect(client.executors.count == 2 && client.executors[0].isCancelled)
        client.executors[1].answer()
        client.executors[1].say(Said.token + Said.done)
        client.executors[1].end()
        client.settle()
        #expect(client.finished?.end == .complete && client.finished?.attempts.count == 2)
        #expect(client.finished?.attempts[0].failure?.detail == "its engine is dead: no answer in time")
    }

    @Test func whereItRefusesConnectionsNothingIsWaitedFor() throws {
        let client = try client()
        client.ask()
        client.exchange.engineDied(engine(client), refused)
        #expect(client.executors.count == 2)
    }

    /// When an engine refuses connections, attempts that have received bytes from it continue.
    ///
    /// The engine may be shutting down, and then it still completes its running streams.
    @Test func anAttemptThatHasHadBytesIsNotCut() throws {
        let client = try client()
        client.ask()
        client.executors[0].answer()
        client.executors[0].say(Said.token)
        for _ in 0..<3 {
            client.pass(19 * second, step: second)
            client.exchange.engineDied(engine(client), refused)
            client.executors[0].say(": half of a comment")
        }
        #expect(client.exchange.phase == .relay)
    }

    @Test func afterTheFirstEventDeathIsTheDialectsError() throws {
        let client = try client()
        client.ask()
        client.executors[0].answer()
        client.executors[0].say(Said.token)
        client.pass(20 * second, step: second)
        client.exchange.engineDied(engine(client), silent)
        #expect(client.received.contains(Said.token) && client.received.contains(#""finish_reason":"error""#))
        #expect(client.executors.count == 1 && client.executors[0].isCancelled)
        guard case .failed(let failure)? = client.finished?.end else {
            Issue.record("\(String(describing: client.finished?.end))")
            return
        }
        #expect(failure.kind == .executorBrokeOff && failure.detail == "its engine is dead: no answer in time")
    }

    /// While the edge does not read from an engine, because the client does not read, the engine does not count as
    /// silent.
    @Test func aPausedAttemptIsNotSilent() throws {
        let client = try client()
        client.ask()
        client.executors[0].answer()
        client.executors[0].say(Said.token)
        let attempt = try #require(client.exchange.attempt)
        attempt.setReading(false)
        client.environment.test.clock.advance(by: 30 * second)
        client.environment.loop.turn(waitMax: 0)
        #expect(!attempt.isLost(by: silent, at: client.environment.loop.now))
        attempt.setReading(true)
        #expect(!attempt.isLost(by: silent, at: client.environment.loop.now), "it may speak from now on")
        #expect(attempt.isLost(by: silent, at: client.environment.loop.now + 20 * second))
    }
}
