import Testing

@testable import Edge

@Suite struct CommandReportTests {
    @Test(arguments: [true, false]) func aReportIsReadAsItWasWritten(isDone: Bool) {
        let report = CommandReport(isDone: isDone, lines: ["a \"b\"", "line\nbreak", ""])
        #expect(CommandReport(json: report.json) == report)
    }

    @Test(arguments: ["", "{}", "[]", #"{"result":"done"}"#, #"{"result":"other","lines":[]}"#])
    func whatIsNoReportIsNone(text: String) {
        #expect(CommandReport(json: Array(text.utf8)) == nil)
    }
}
