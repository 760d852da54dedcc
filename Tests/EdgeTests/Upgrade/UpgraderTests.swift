import Glibc
import LoopTesting
import Testing
import Transport

@testable import Edge

/// Upgrades in which shell scripts play the new process (the successor) and send its messages.
@Suite struct UpgraderTests {
    private let test = TestLoop()
    private let settings: ProcessSettings

    init() throws {
        let text = "listeners: [{address: '127.0.0.1:0'}]\nmodels: [{id: m, executors: [{url: 'http://e'}]}]\n"
        settings = ProcessSettings(try configuration(text + "upgrade_generations: 1\nupgrade_timeout: 5s"))
    }

    /// The result of an upgrade, as its callbacks report it.
    private final class Outcome {
        var report: CommandReport?
        var taken: Set<CInt>?
        var failures: [String] = []
    }

    private func upgrader(_ script: String?, path: String = "/bin/bash", obstacle: String? = nil, _ outcome: Outcome)
        -> Upgrader
    {
        let program = script.map {
            Program(path: path, arguments: ["bash", "-c", $0].map { Array($0.utf8) }, environment: [])
        }
        return Upgrader(
            loop: test.loop,
            program: program,
            predecessors: Predecessors(loop: test.loop),
            environment: Upgrader.Environment(
                obstacle: { obstacle },
                settings: { [settings] in settings },
                handover: { () throws(StartError) in
                    var handover = completeHandover
                    (handover.listeners, handover.commands, handover.counts) = ([], nil, nil)
                    handover.admin.descriptors = [0]
                    return handover
                },
                state: { Array(#"{"newest":1}"#.utf8) },
                succeeded: { _, link, taken, ends in
                    outcome.taken = taken
                    outcome.failures += ends ? ["ends"] : []
                    link.close()
                },
                failed: { reloads, ends in outcome.failures.append("reloads \(reloads) ends \(ends)") }
            )
        )
    }

    private func run(_ upgrader: Upgrader, _ outcome: Outcome) {
        upgrader.upgrade { outcome.report = $0 }
        for _ in 0..<10_000 where outcome.report == nil { test.loop.turn(waitMax: 1) }
    }

    /// The beginning of a script that plays the new process: reads the handover message, and answers `ready`.
    ///
    /// The socket is non-blocking, so the shell function `next` tries to read until a line has arrived.
    private let ready = #"""
        eval "exec 9<&$FREEINFERENCE_UPGRADE 8>&$FREEINFERENCE_UPGRADE"
        next() { for i in {1..500}; do read -r line <&9 && break; /bin/sleep 0.01; done 2>/dev/null; echo "$line"; }
        first=$(next)
        case "$first" in *'"type":"handover"'*) ;; *) exit 1;; esac
        echo '{"type":"ready","taken":[4,5],"version":"9"}' >&8

        """#

    @Test func aSuccessorThatServesTakesOver() {
        let outcome = Outcome()
        let script =
            ready + #"""
                commit=$(next)
                case "$commit" in *'"state":{"newest":1}'*) ;; *) exit 1;; esac
                echo '{"type":"serving"}' >&8; next
                """#
        let upgrader = upgrader(script, outcome)
        run(upgrader, outcome)
        #expect(outcome.report?.isDone == true, "\(outcome.report?.lines ?? [])")
        #expect(outcome.taken == [4, 5] && outcome.failures.isEmpty && !upgrader.isUnderWay)
        #expect(upgrader.lastFailure == nil)
    }

    @Test(arguments: [
        ("exit 0", "ended before it was ready"),
        (
            #"eval "exec 8>&$FREEINFERENCE_UPGRADE"; echo '{"type":"failed","lines":["no, because"]}' >&8; /bin/sleep 9"#,
            "no, because"
        ),
    ]) func aSuccessorThatDoesNotComeChangesNothing(script: String, reason: String) {
        let outcome = Outcome()
        let upgrader = upgrader(script, outcome)
        run(upgrader, outcome)
        #expect(outcome.report?.isDone == false && outcome.report?.lines.joined().contains(reason) == true)
        #expect(outcome.failures == ["reloads false ends false"] && !upgrader.isUnderWay)
        #expect(upgrader.lastFailure?.lines.joined().contains(reason) == true)
    }

    @Test func aSuccessorThatEndsBeforeItServesChangesNothing() {
        let outcome = Outcome()
        run(upgrader(ready + "next", outcome), outcome)
        #expect(outcome.report?.lines.joined().contains("ended before it accepted connections") == true)
    }

    @Test func aSuccessorThatHangsIsEnded() {
        let outcome = Outcome()
        let upgrader = upgrader("exec /bin/sleep 1000", outcome)
        upgrader.upgrade { outcome.report = $0 }
        test.pass(4_900_000_000)
        #expect(outcome.report == nil && upgrader.isUnderWay)
        test.pass(200_000_000)
        #expect(outcome.report?.lines.joined().contains("was not ready within 5 s") == true)
    }

    @Test func aFileThatIsNoProgramIsTold() {
        for (path, text) in [("/nowhere", "No such file"), ("/etc/passwd", "Permission denied")] {
            let outcome = Outcome()
            run(upgrader("", path: path, outcome), outcome)
            #expect(outcome.report?.lines.joined().contains(text) == true, "\(outcome.report?.lines ?? [])")
            // The failed upgrade is reported to the callback. In the server, the callback undoes what was prepared for
            // the new process.
            #expect(outcome.failures == ["reloads false ends false"])
        }
        let outcome = Outcome()
        run(upgrader(nil, outcome), outcome)
        #expect(outcome.report?.isDone == false)
    }

    @Test func whatStandsAgainstAnUpgradeIsTold() {
        let outcome = Outcome()
        let blocked = upgrader("exit 0", obstacle: "a reload is under way", outcome)
        run(blocked, outcome)
        #expect(outcome.report?.lines == ["upgrade refused: a reload is under way"])
        #expect(blocked.lastFailure?.lines == ["a reload is under way"])
    }

    @Test func twoUpgradesAtOnceAreOne() {
        let first = Outcome(), second = Outcome()
        let upgrader = upgrader("exec /bin/sleep 1000", first)
        upgrader.upgrade { first.report = $0 }
        upgrader.upgrade { second.report = $0 }
        #expect(second.report?.lines == ["upgrade refused: an upgrade is under way"] && first.report == nil)
        #expect(upgrader.reloadAfterwards())
        #expect(!upgrader.endAfterwards())
        #expect(first.report?.lines.contains("the server is ending") == true)
        #expect(first.failures == ["reloads true ends false"])
        #expect(!upgrader.reloadAfterwards())
    }

    @Test func tooManyOlderProcessesAreInTheWay() throws {
        let outcome = Outcome()
        let upgrader = upgrader("exit 0", outcome)
        let pairs = try (0..<2).map { _ in try linkPair() }
        upgrader.predecessors.adopt(
            pairs.enumerated().map { index, pair in
                Handover.Predecessor(descriptor: pair.0, process: 77, number: index, version: "", since: 0)
            }
        )
        run(upgrader, outcome)
        #expect(outcome.report?.lines.first?.contains("2 older processes drain") == true)
        #expect(outcome.report?.lines.first?.contains("the process 77 has to end first") == true)
        upgrader.predecessors.release()
        for pair in pairs { close(pair.1) }
    }
}
