import Testing
import Transport

@testable import Edge

@Suite struct ExecutorWaitTests {
    @Test func waitsAreSummed() {
        var wait = ExecutorWait()
        #expect(!wait.isUnderWay && wait.began == 0 && wait.total(at: 9) == 0)
        wait.begin(at: 10)
        wait.begin(at: 12)
        #expect(wait.isUnderWay && wait.total(at: 15) == 5, "the wait that is under way goes on")
        wait.end(at: 16)
        wait.end(at: 20)
        #expect(!wait.isUnderWay && wait.total(at: 100) == 6)
        wait.begin(at: 100)
        #expect(wait.began == 10 && wait.total(at: 104) == 10)
    }
}
