import Testing

@testable import Edge

@Suite struct LogReopeningTests {
    @Test(arguments: [LogReopening.reopened(path: "/var/log/a \"b\".log"), .isStdout, .failed("no space")])
    func itComesBackFromItsJSON(_ outcome: LogReopening) {
        #expect(LogReopening(json: outcome.json) == outcome)
    }

    @Test func whatIsNoOutcomeIsNone() {
        for text in ["", "{}", #"{"result":"reopened"}"#, #"{"result":"other","file":"/a"}"#] {
            #expect(LogReopening(json: Array(text.utf8)) == nil)
        }
        #expect(LogReopening.failed("why").text.contains("the earlier one stays: why"))
        #expect(LogReopening.reopened(path: "/l").text == "the log file /l is open again")
    }
}
