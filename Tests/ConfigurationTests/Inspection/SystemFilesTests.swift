// Reading this machine's files and the environment of the process.

import Testing

@testable import Configuration

@Suite struct SystemFilesTests {
    @Test func theFilesOfTheSystemAreRead() throws {
        #expect(SystemFiles.environment()["PATH"] != nil)
        #expect(try !SystemFiles.read("/proc/self/status").get().isEmpty)
        #expect(SystemFiles.read("/nonexistent") == .failure(FileProblem("No such file or directory")))
        #expect(SystemFiles.check("/nonexistent") == FileProblem("No such file or directory"))
        #expect(SystemFiles.check("/etc") == FileProblem("Is a directory"))
        #expect(SystemFiles.check("/etc/hostname") == nil)
    }

    /// /dev/zero has no end, so only the limit ends the reading.
    @Test func aLimitOfTheCallerHolds() throws {
        let tooLarge = FileProblem("it is larger than 1 MiB")
        #expect(SystemFiles.readData("/dev/zero", bytesMax: 1 << 20) == .failure(tooLarge))
        #expect(try !SystemFiles.readData("/proc/self/status", bytesMax: 1 << 20).get().isEmpty)
    }

    @Test func foldersAreFound() {
        #expect(SystemFiles.checkFolder("/etc") == nil)
        #expect(SystemFiles.checkFolder("/etc/hostname") == FileProblem("Not a directory"))
        #expect(SystemFiles.checkFolder("/nonexistent") == FileProblem("No such file or directory"))
    }

    @Test func whereALogFileCanBeMadeIsFoundWithoutMakingIt() {
        #expect(SystemFiles.checkAppendable("/dev/null") == nil)
        #expect(SystemFiles.checkAppendable("/etc") == FileProblem("it is a directory"))
        let missing = FileProblem("in its folder no file can be made: No such file or directory")
        #expect(SystemFiles.checkAppendable("/nonexistent/access.log") == missing)
        #expect(SystemFiles.checkAppendable("/etc/hostname/x") == FileProblem("Not a directory"))
        let new = "/tmp/freeinference-not-made.log"
        #expect(SystemFiles.checkAppendable(new) == nil)
        #expect(!SystemFiles.exists(new))
    }
}
