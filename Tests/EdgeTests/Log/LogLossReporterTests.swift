import Testing

@testable import Edge

@Suite struct LogLossReporterTests {
    private let second: UInt64 = 1_000_000_000

    @Test func lossesAreReportedAtOnceThenAtIntervalsAndWhenTheyAreOver() {
        var reporter = LogLossReporter()
        func report(_ dropped: Int, at seconds: UInt64) -> String? {
            reporter.message(dropped: dropped, reason: "why", at: 100 * second + seconds * second)
        }
        #expect(report(0, at: 0) == nil)
        #expect(report(3, at: 1) == "3 log lines were dropped: why")
        #expect(report(9, at: 2) == nil)
        #expect(report(20, at: 10) == nil)
        #expect(report(25, at: 11) == "22 log lines were dropped: why")
        #expect(report(25, at: 12) == nil)
        #expect(report(25, at: 21) == "log lines are written again: 25 were dropped in all")
        #expect(report(25, at: 40) == nil)
        #expect(report(26, at: 41) == "1 log lines were dropped: why")
    }
}
