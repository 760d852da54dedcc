// The simulated executor computes prompts (prefill) one after the other: which request is computed, and until when.
import Testing

@testable import ExecutorSimulator

@Suite struct PrefillQueueTests {
    private final class Member {}
    private let one = Member()
    private let two = Member()
    private let three = Member()

    @Test func prefillsRunOneAfterTheOther() {
        var queue = PrefillQueue<Member>()
        queue.add(one, at: 100)
        queue.add(two, at: 110)
        #expect(queue.next === one && queue.waiting == 2)
        queue.start(for: 50)
        #expect(queue.next == nil && queue.waiting == 1 && queue.end == 150)
        #expect(queue.takeEnded(at: 149) == nil)
        #expect(queue.takeEnded(at: 150) === one)
        #expect(queue.next === two && queue.end == nil)
        queue.start(for: 20)
        #expect(queue.end == 170 && queue.waiting == 0)
        #expect(queue.takeEnded(at: 200) === two && queue.next == nil)
    }

    @Test func aLateReportDelaysNobody() {
        var queue = PrefillQueue<Member>()
        queue.add(one, at: 0)
        queue.start(for: 10)
        queue.add(two, at: 5)
        #expect(queue.takeEnded(at: 17) === one)
        queue.start(for: 10)
        #expect(queue.end == 20, "the second began at 10")
        #expect(queue.takeEnded(at: 25) === two)
        queue.add(three, at: 30)
        queue.start(for: 10)
        #expect(queue.end == 40, "nothing ran between 20 and 30")
    }

    @Test func whoeverLeavesGivesTheTurnUp() {
        var queue = PrefillQueue<Member>()
        for member in [one, two, three] { queue.add(member, at: 0) }
        queue.start(for: 100)
        #expect(queue.remove(two, at: 30) && queue.waiting == 1 && queue.end == 100)
        #expect(queue.remove(one, at: 40) && queue.end == nil)
        #expect(queue.next === three)
        queue.start(for: 5)
        #expect(queue.end == 45, "it begins when the one before it is given up")
        let isThere = queue.remove(one, at: 41)
        #expect(!isThere)
        queue.removeAll()
        #expect(queue.end == nil && queue.next == nil && queue.waiting == 0)
    }
}
