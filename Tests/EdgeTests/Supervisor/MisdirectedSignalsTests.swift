import Glibc
import LoopTesting
import Testing

@testable import Edge

@Suite struct MisdirectedSignalsTests {
    private let test = TestLoop()

    @Test func signalsAreMisdirectedUntilSystemdHasReadWhatWasSent() throws {
        let path = temporaryDirectory() + "/notify"
        let socket = try notifySocket(at: path)
        defer { close(socket) }
        let signals = MisdirectedSignals(loop: test.loop, environment: ["NOTIFY_SOCKET": path])
        #expect(!signals.arePossible)
        var werePossible: [Bool] = []
        let look = { [unowned signals] in werePossible.append(signals.arePossible) }
        signals.begin(isEnding: look, ended: look)
        test.settle()
        #expect(signals.arePossible && werePossible.isEmpty)
        #expect(received(socket) == "BARRIER=1")
        test.settle()
        #expect(!signals.arePossible && werePossible == [true, false], "the last look at signals comes first")
        test.pass(20 * second)
        #expect(werePossible == [true, false])
    }

    @Test func aSystemdThatDoesNotReadIsNotWaitedForLong() throws {
        let path = temporaryDirectory() + "/notify"
        let socket = try notifySocket(at: path)
        defer { close(socket) }
        let signals = MisdirectedSignals(loop: test.loop, environment: ["NOTIFY_SOCKET": path])
        var ends = 0
        signals.begin { ends += 1 }
        test.pass(9 * second)
        #expect(signals.arePossible)
        test.pass(2 * second)
        #expect(!signals.arePossible && ends == 1)
    }

    @Test func withoutSystemdNoSignalIsMisdirected() {
        let signals = MisdirectedSignals(loop: test.loop, environment: [:])
        signals.begin { Issue.record("nothing ends") }
        #expect(!signals.arePossible)
    }
}
