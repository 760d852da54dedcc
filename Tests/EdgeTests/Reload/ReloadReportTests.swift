// The JSON and the text of reload reports.
import Testing

@testable import Edge

@Suite struct ReloadReportTests {
    @Test func theJSONOfAReportIsReadAgain() throws {
        var report = ReloadReport(outcome: .refused, generation: 7)
        report.errors = ["c.yaml:1:1: \"a\""]
        report.changes = ["a: 1 -> 2"]
        report.kept = ["workers: stays 2 until a restart"]
        report.notes = ["n"]
        report.warnings = ["w\n"]
        #expect(ReloadReport(json: report.json) == report)
        #expect(report.lines.count == 5)
    }

    @Test(arguments: ["", "[]", #"{"result":"applied"}"#, #"{"result":"other","generation":1}"#])
    func whatIsNoReportIsNone(_ text: String) {
        #expect(ReloadReport(json: Array(text.utf8)) == nil)
    }

    @Test func theSummarySaysWhatIsInForce() {
        var report = ReloadReport(outcome: .applied, generation: 3)
        report.changes = ["x"]
        #expect(report.summary == "reload: generation 3 is in force, with 1 change")
        report.outcome = .refused
        #expect(report.summary.contains("generation 3 stays"))
    }
}
