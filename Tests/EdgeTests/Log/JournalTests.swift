import Glibc
import Testing

@testable import Edge

@Suite struct JournalTests {
    @Test func aDescriptorIsTheJournalsWhenDeviceAndInodeAre() {
        var ends: [CInt] = [-1, -1]
        #expect(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { for end in ends { close(end) } }
        var status = stat()
        #expect(fstat(ends[1], &status) == 0)
        let named = "\(status.st_dev):\(status.st_ino)"
        #expect(Journal.isConnected(ends[1], environment: named))
        #expect(!Journal.isConnected(2, environment: named))
        for other in [nil, "", ":", "1:2:3", "\(status.st_dev):\(status.st_ino + 1)", "\(status.st_dev)", "x:y"] {
            #expect(!Journal.isConnected(ends[1], environment: other))
        }
    }

    @Test func prioritiesAreWrittenAsSdDaemonHasThem() {
        #expect(LogPriority.error.prefix == Array("<3>".utf8))
        #expect(LogPriority.warning.prefix == Array("<4>".utf8))
        #expect(LogPriority.information.prefix == Array("<6>".utf8))
    }
}
