// Which bodies are refused because they arrive slowly, so that waiting bodies get their memory.
import Testing

@testable import Edge

@Suite struct SlowBodiesTests {
    private func chosen(_ order: SlowBodies, _ bodies: [(pace: Int, footprint: Int)]) -> [Int] {
        order.chosen(among: bodies.map { SlowBodies.Candidate(bytesPerSecond: $0.pace, footprint: $0.footprint) })
    }
    private let kibibyte = 1 << 10

    @Test func theSlowestGoFirstAndOnlyAsManyAsAreNeeded() {
        let bodies = [(500, 64 * kibibyte), (0, 64 * kibibyte), (900, 64 * kibibyte), (100, 64 * kibibyte)]
        #expect(chosen(SlowBodies(pace: 1000, bytes: 1), bodies) == [1])
        #expect(chosen(SlowBodies(pace: 1000, bytes: 64 * kibibyte), bodies) == [1])
        #expect(chosen(SlowBodies(pace: 1000, bytes: 65 * kibibyte), bodies) == [1, 3])
        #expect(chosen(SlowBodies(pace: 1000, bytes: 1 << 30), bodies) == [1, 3, 0, 2])
    }

    @Test func whoIsFastEnoughStays() {
        let bodies = [(500, 64 * kibibyte), (499, 64 * kibibyte)]
        #expect(chosen(SlowBodies(pace: 500, bytes: 1 << 30), bodies) == [1])
        #expect(chosen(SlowBodies(pace: 0, bytes: 1 << 30), bodies).isEmpty)
    }

    @Test func bodiesThatHoldLittleStay() {
        let bodies = [(0, 4 * kibibyte), (0, 16 * kibibyte)]
        #expect(chosen(SlowBodies(pace: 500, bytes: 1 << 30), bodies) == [1])
        #expect(chosen(SlowBodies(pace: 500, bytes: 1 << 30), []).isEmpty)
    }
}
