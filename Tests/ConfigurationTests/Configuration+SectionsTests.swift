// Settings whose defaults, limits or warnings depend on other settings, and errors in small sections of the file.
import Inference
import Testing

@testable import Configuration

@Suite struct ConfigurationSectionsTests {
    @Test func queuesWaitLessThanTheCommitByThemselves() throws {
        let c = try read(valid(and: "commit_after: 1s")).get()
        #expect(c.admission.maxWait == .milliseconds(800))
    }

    @Test func idleConnectionsThatCouldTakeWhatABodyNeedsAreAWarning() throws {
        let warnings = try read(valid(and: "max_connections: 10000")).get().warnings.map(\.description)
        let why = "more would not leave what one body needs of memory_limit (1GiB) and limits.body"
        #expect(warnings.count == 1 && warnings[0].hasSuffix("accepting pauses at 9557 connections already: \(why)"))
        #expect(try read(valid(and: "max_connections: 9557")).get().warnings.isEmpty)
        #expect(try read(valid(and: "max_connections: 10000\nmemory_limit: 2GiB")).get().warnings.isEmpty)
        #expect(try read(valid(and: "")).get().warnings.isEmpty, "the default is nobody's wish")
    }

    @Test func aLogFileMustBeOneThatCanBeWritten() throws {
        #expect(try read(valid(and: "log: {file: /l/a.log}")).get().log.file == "/l/a.log")
        #expect(try read(valid(and: "log: {access: true}")).get().log.file == nil)
        let refusing = inspection(logFile: { FileProblem($0 == "/l" ? "it is a directory" : "other") })
        #expect(
            faults(valid(and: "log: {file: /l}"), inspection: refusing)
                == ["c.yaml:6:13: log.file: cannot write /l: it is a directory"]
        )
        #expect(faults(valid(and: "log: {file: ''}"))[0].contains("is empty"))
    }

    @Test func bodiesFitTheBudgetByThemselves() throws {
        let c = try read(valid(and: "memory_limit: 32MiB")).get()
        #expect(c.limits.bodyBytes == 32 << 20)
    }
}
