import Testing
import Transport

@testable import Routing

/// Tests which results of health probes make an engine count as dead, so that it gets no requests.
@Suite struct ExecutorHealthTests {
    private let second: Nanoseconds = 1_000_000_000

    /// The health of an engine after these results of probes, the first at 2 s and then one every 2 s.
    ///
    /// `lastHeard` is the time at which the engine sent its last byte.
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

    /// An engine whose probes time out counts as dead 20 s after its last byte, not after its last probe.
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

    /// If a reload turns probes off while they fail, the engine is no longer dead: a request may try it after some
    /// time.
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

    // MARK: Other processes

    @Test func aRecordCarriesHealthToAnotherClock() {
        var health = health(after: [.failed, .failed, .failed])
        let record = health.record(at: 7 * second)
        #expect(record.isDead && record.ejectedFor == 2 * second && record.cause == .probes(3))
        let other = ExecutorHealth(record, at: 1007 * second)
        #expect(other.state == .ejected(until: 1009 * second) && other.isDead && other.cause == .probes(3))
        #expect(other.trialFrom == .max, "probes forbid a trial")
        #expect(other.record(at: 1007 * second) == record)
        // After an ejection the engine gets more and more requests. The state contains when the ejection ended, so that
        // a new process continues with as many as the old process.
        health.probed(.passed, at: 20 * second, rise: 1, fall: 3, lastHeard: 0)
        let later = ExecutorHealth(health.record(at: 24 * second), at: 1024 * second)
        #expect(!later.isEjected && later.healthySince == 1020 * second)
        #expect(ExecutorHealth(ExecutorHealth().record(at: 5), at: 9) == ExecutorHealth())
    }

    @Test func aTrialThatIsUnderWayElsewhereMayBeginAgain() {
        var health = ExecutorHealth()
        for _ in 0..<3 { health.failed(at: second) }
        health.trialBegan(at: 5 * second)
        let other = ExecutorHealth(health.record(at: 6 * second), at: 100 * second)
        #expect(other.trialFrom == 100 * second)
    }

    @Test func numbersOutOfRangeAreNotBelieved() {
        var record = ExecutorHealth.Record()
        (record.ejectedFor, record.healthyFor, record.succeededBefore) = (.max, .max, .max)
        (record.faults, record.lateFaults, record.ejections) = (.max, .max, .max)
        (record.probesLost, record.probesFailed, record.probesPassed) = (.max, .min, -1)
        var health = ExecutorHealth(record, at: second)
        #expect(health.state == .ejected(until: 61 * second) && health.healthySince == nil)
        health.trialBegan(at: second)
        health.failed(at: second)
        #expect(health.state == .ejected(until: 61 * second))
        record.ejectedFor = nil
        #expect(ExecutorHealth(record, at: second).healthySince == 0)
    }

    @Test func limitsAreCarriedToAnotherClock() {
        let engine = Engine(id: 1, name: "http://e", modelsShareCapacity: true)
        let executor = Executor(id: 2, engine: engine, model: "m")
        let pool = ExecutorPool(PoolEntry(id: 3), members: [PoolMember(executor)])
        for _ in 0..<3 { executor.attemptBegan(promptBytes: 0) }
        pool.report(.busy(5 * second), of: executor, at: 100 * second)
        let record = engine.record(at: 102 * second)
        #expect(record.load.learntRunning == 2 && record.load.learntFor == 28 * second)
        #expect(record.load.pausedFor == 3 * second && executor.record(at: 102 * second) == AvailabilityRecord())
        let other = Engine(id: 9, name: "http://e")
        let its = Executor(id: 8, engine: other, model: "m")
        other.restore(record, at: 7 * second)
        its.restore(AvailabilityRecord(), at: 7 * second)
        #expect(its.learntLimit(at: 34 * second) == 2 && its.learntLimit(at: 35 * second) == nil)
        #expect(its.pause(at: 7 * second) == 3 * second)
        var wrong = AvailabilityRecord()
        (wrong.load.learntRunning, wrong.load.learntFor, wrong.load.pausedFor) = (-4, .max, .max)
        other.restore(wrong, at: 7 * second)
        #expect(its.learntLimit(at: 36 * second) == 1 && its.learntLimit(at: 37 * second) == nil)
        #expect(its.pause(at: 7 * second) == 3600 * second)
    }
}
