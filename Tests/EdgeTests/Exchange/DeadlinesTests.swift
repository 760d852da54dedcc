import Testing
import Transport

@testable import Edge

@Suite struct DeadlinesTests {
    private let all: [WritableKeyPath<Deadlines, Nanoseconds>] = [
        \.body, \.queue, \.pump, \.retry, \.answer, \.commit, \.keepAlive, \.stall, \.clientStall,
    ]

    @Test func theEarliestIsFoundWhicheverItIs() {
        #expect(Deadlines().earliest == .max)
        for (index, deadline) in all.enumerated() {
            var deadlines = Deadlines()
            for (other, path) in all.enumerated() { deadlines[keyPath: path] = Nanoseconds(100 + other) }
            deadlines[keyPath: deadline] = Nanoseconds(index + 1)
            #expect(deadlines.earliest == Nanoseconds(index + 1))
            deadlines.clear()
            #expect(deadlines.earliest == .max)
        }
    }

    @Test func oneThatIsDueIsTakenOnce() {
        for deadline in all {
            var deadlines = Deadlines()
            deadlines[keyPath: deadline] = 10
            let taken = [9, 10, 11].map { deadlines.take(deadline, at: $0) }
            #expect(taken == [false, true, false])
        }
    }

    @Test func aWaitThatIsOverLeavesTheOthers() {
        var deadlines = Deadlines()
        for path in all { deadlines[keyPath: path] = 1 }
        deadlines.clearWaiting()
        #expect(deadlines.queue == .max && deadlines.pump == .max && deadlines.retry == .max)
        #expect(deadlines.answer == 1 && deadlines.commit == 1 && deadlines.stall == 1)
    }

    @Test func aStallIsCountedFromTheLastBytesWhileTheExecutorIsNotPaused() {
        var deadlines = Deadlines()
        #expect(deadlines.lastRelayed == nil)
        deadlines.beginRelay(stall: 30, at: 100)
        #expect(deadlines.stall == 130 && deadlines.lastRelayed == 100)
        deadlines.relayed(isPaused: true, at: 110)
        #expect(deadlines.stall == .max && deadlines.lastRelayed == nil)
        deadlines.relayed(isPaused: false, at: 150)
        #expect(deadlines.stall == 180 && deadlines.lastRelayed == 150)
    }
}
