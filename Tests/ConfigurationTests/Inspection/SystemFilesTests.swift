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
}
