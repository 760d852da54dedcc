import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

/// The messages on stderr about engines that fail and recover.
@Suite struct HealthReporterTests {
    private let test = TestLoop()
    private let snapshot: Snapshot
    private let reporter: HealthReporter
    private final class Lines { var all: [String] = [] }
    private let lines = Lines()

    init() throws {
        snapshot = try Registry().resolve(
            models: "- {id: a, executors: [{url: 'http://e'}]}\n- {id: b, executors: [{url: 'http://e'}]}"
        )
        reporter = HealthReporter(
            snapshot,
            loop: test.loop,
            lastLoss: { _ in "no answer in time" },
            say: { [lines] text, _ in lines.all.append(text) }
        )
        reporter.start()
    }

    private var engine: Engine { snapshot.engines[0].engine }
    private func fail(_ model: String, _ scope: FaultScope) {
        let pool = snapshot.model(model).pool
        for _ in 0..<3 { pool.report(.fault(scope), of: pool.members[0].executor, at: test.loop.now) }
    }

    @Test func oneLineDownAndOneBack() {
        for _ in 0..<8 {
            engine.report(.failed, rise: 2, fall: 3, at: test.loop.now)
            test.pass(second)
        }
        let reason = "3 health probes in a row failed, the last one: no answer in time"
        #expect(lines.all == ["warning: executor http://e:80 is down: \(reason)"])
        for _ in 0..<8 {
            engine.report(.passed, rise: 2, fall: 3, at: test.loop.now)
            test.pass(second)
        }
        #expect(lines.all.count == 2 && lines.all.last == "executor http://e:80 is back: it answers again, after 7 s")
        reporter.stop()
    }

    @Test func oneForAllModelsOfAnEngine() {
        fail("a", .answer)
        test.pass(second)
        fail("b", .answer)
        fail("b", .connection)
        test.pass(second)
        let line =
            "warning: executor http://e:80 is down for the model a: attempts in a row were answered with a failure"
        #expect(lines.all == [line])
        reporter.stop()
        test.pass(second)
        #expect(test.loop.timers.active == 0)
    }
}
