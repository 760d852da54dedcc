import Testing
import Transport

@testable import Routing

/// Which probe results make an engine dead, and which do not.
@Suite struct ExecutorHealthTests {
    private let second: Nanoseconds = 1_000_000_000

    /// The health after these probes, one every 2 s from 2 s on.
    ///
    /// The engine sent its last byte at `lastHeard`.
    private func health(after probes: [ExecutorHealth.Probe], lastHeard: Nanoseconds = 0) -> ExecutorHealth {
        var health = ExecutorHealth()
        for (place, probe) in probes.enumerated() {
            health.probed(probe, at: Nanoseconds(2 * place + 2) * second, rise: 2, fall: 3, lastHeard: lastHeard)
        }
        return health
    }

    @Test func failedProbesInARowAreDeath() {
        #expect(!health(after: [.failed, .failed]).isDead)
        #expect(health(after: [.failed, .failed, .failed]).isDead)
        #expect(!health(after: [.failed, .failed, .passed, .failed]).isDead)
        #expect(!health(after: [.failed, .failed, .notReady, .failed]).isDead, "it loads its model")
        #expect(!health(after: [.failed, .timedOut, .failed]).isDead, "not in a row, and heard 6 s ago")
    }

    @Test func bytesBeforeDoNotSaveAnEngineWhoseConnectionsAreRefused() {
        #expect(health(after: [.failed, .failed, .failed], lastHeard: 6 * second).isDead)
    }

    @Test func timeoutsAreDeathOnlyAfterSilence() {
        var health = health(after: [.timedOut, .timedOut, .timedOut])
        #expect(!health.isDead && health.isEjected)
        health.silence(at: 20 * second - 1, fall: 3, lastHeard: 0)
        #expect(!health.isDead)
        health.silence(at: 20 * second, fall: 3, lastHeard: 1)
        #expect(!health.isDead, "a byte came")
        health.silence(at: 20 * second, fall: 3, lastHeard: 0)
        #expect(health.isDead)
    }

    /// The silence counts from the engine's last byte, not from its last probe.
    @Test func probesAndSilenceAreCountedSideBySide() {
        let probes = Array(repeating: ExecutorHealth.Probe.timedOut, count: 10)
        #expect(health(after: probes, lastHeard: 0).isDead)
        #expect(!health(after: Array(probes.dropLast()), lastHeard: 0).isDead, "18 s")
        #expect(!health(after: probes, lastHeard: 1 * second).isDead)
    }

    @Test func silenceAloneIsNoDeath() {
        var health = health(after: [.timedOut, .timedOut])
        health.silence(at: 100 * second, fall: 3, lastHeard: 0)
        #expect(!health.isDead && !health.isEjected)
    }

    @Test func theDeadComeBackByProbesAtOnce() {
        var health = health(after: Array(repeating: .failed, count: 3))
        health.probed(.passed, at: 9 * second, rise: 2, fall: 3, lastHeard: 9 * second)
        #expect(health.isDead && health.isEjected)
        health.probed(.passed, at: 9 * second + 1, rise: 2, fall: 3, lastHeard: 9 * second)
        #expect(!health.isDead && health.state == .healthy && health.healthySince == 9 * second + 1)
    }

    @Test func faultsEndWithTheirTimeWhereProbesPass() {
        var health = ExecutorHealth()
        health.probed(.passed, at: 0, rise: 2, fall: 3, lastHeard: 0)
        for _ in 0..<3 { health.failed(.timeout, at: 0) }
        for step in [1, 2] as [Nanoseconds] {
            health.probed(.passed, at: step * second, rise: 2, fall: 3, lastHeard: step * second)
        }
        #expect(health.state == .ejected(until: 3 * second) && health.cause == .faults(.timeout))
        health.probed(.passed, at: 4 * second, rise: 2, fall: 3, lastHeard: 4 * second)
        #expect(health.state == .healthy)
    }

    @Test func successInTrafficIsLife() {
        var health = health(after: Array(repeating: .failed, count: 3))
        health.succeeded(at: 8 * second)
        #expect(!health.isDead && health.state == .healthy)
        health.probed(.failed, at: 14 * second, rise: 2, fall: 3, lastHeard: 8 * second)
        #expect(health.state == .healthy, "probes are counted anew")
    }

    /// If probes are turned off while they fail, the engine is tried by a request once its ejection is over.
    @Test func withoutProbesNothingIsHeldAgainstIt() {
        for probe in [.failed, .timedOut, .notReady] as [ExecutorHealth.Probe] {
            var health = health(after: Array(repeating: probe, count: 3))
            health.probesEnded()
            #expect(!health.isDead && health.trialFrom < 120 * second, "\(probe)")
        }
        let engine = Engine(id: 1, name: "http://e")
        for step in 1...3 as ClosedRange<Nanoseconds> { engine.report(.failed, rise: 2, fall: 3, at: step * second) }
        #expect(engine.isDead)
        engine.probesEnded(at: 4 * second)
        #expect(!engine.isDead && engine.isEjected)
    }

    @Test func itsModelsAreBackWithAnEngine() {
        let engine = Engine(id: 1, name: "http://e")
        let executor = Executor(id: 2, engine: engine, model: "m")
        let pool = ExecutorPool(PoolEntry(id: 3), members: [PoolMember(executor)])
        for _ in 0..<3 { pool.report(.fault(.answer), of: executor, at: 0) }
        #expect(executor.isEjectedAlone && executor.cause == .faults(.answer))
        executor.engineIsBack(at: 1)
        #expect(!executor.isEjectedAlone && pool.statuses(at: 1)[0].isUsable)
    }
}
