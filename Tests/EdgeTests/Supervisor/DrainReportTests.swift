import Testing

@testable import Edge

@Suite struct DrainReportTests {
    @Test func howADrainWentIsOneLine() {
        var report = DrainReport(began: 5_000_000_000, limit: "drain_timeout")
        #expect(report.text(at: 8_250_000_000) == "stopped after 3.2 s: every exchange had ended")
        report.expired(0)
        #expect(report.text(at: 8_250_000_000) == "stopped after 3.2 s: every exchange had ended")
        report.expired(1)
        #expect(
            report.text(at: 6_000_000_000) == "stopped after 1.0 s: 1 exchange was cut since drain_timeout was over"
        )
        report = DrainReport(began: 0, limit: "drain_timeout")
        report.cut(7)
        #expect(report.isCut && report.text(at: 0) == "stopped after 0.0 s: 7 exchanges were cut by a second signal")
    }
}
