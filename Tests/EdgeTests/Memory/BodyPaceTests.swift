// Tests how the server measures the pace at which a request body arrives: at first as the average, then over the last
// second or somewhat more.
import LoopTesting
import Testing
import Transport

@testable import Edge

@Suite struct BodyPaceTests {
    private let began = 100 * second
    private var pace = BodyPace(began: 100 * second)

    private mutating func after(_ milliseconds: Nanoseconds, _ arrived: Int) -> Int {
        pace.bytesPerSecond(arrived: arrived, at: began + milliseconds * 1_000_000)
    }

    @Test mutating func theFirstIsTheAverageSinceTheBeginning() {
        let four = after(4000, 1000)
        #expect(four == 250)
    }

    /// A body whose first bytes arrive all at once does not count as fast: the pace is taken over at least one second.
    @Test mutating func aBurstCountsAsWhatCameInASecond() {
        let (zero, early, later) = (after(0, 300_000), after(10, 300_000), after(500, 400_000))
        #expect([zero, early, later] == [300_000, 300_000, 400_000] && !pace.isMeasured)
        let whole = after(2000, 400_000)
        #expect(whole == 200_000 && pace.isMeasured)
    }

    @Test mutating func whoFallsSilentHasNoPaceASecondLater() {
        let first = after(1000, 1_000_000)
        let (soon, still) = (after(1500, 1_000_000), after(1999, 1_000_000))
        let silent = after(2000, 1_000_000)
        #expect([first, soon, still, silent] == [1_000_000, 1_000_000, 1_000_000, 0])
        let again = after(4000, 1_500_000)
        #expect(again == 250_000)
    }

    /// While a body waits for memory, its clock does not advance.
    ///
    /// So its pace may be asked for twice at the same time.
    @Test mutating func aClockThatStandsStillChangesNothing() {
        let first = after(2000, 1000)
        let second = after(2000, 1000)
        #expect(first == 500 && second == 500)
    }
}
