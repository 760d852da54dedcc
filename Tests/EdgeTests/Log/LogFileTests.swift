import Glibc
import LoopTesting
import Testing
import Transport

@testable import Edge

/// Tests a log file on disk: opens it, reopens it and changes to another file, while a log thread writes.
@Suite struct LogFileTests {
    private let folder = temporaryDirectory()
    private var path: String { folder + "/access.log" }

    private func text(_ path: String) throws -> String { String(decoding: try bytes(path), as: UTF8.self) }

    private func bytes(_ path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = read(descriptor, &buffer, buffer.count)
        return Array(buffer[..<max(0, count)])
    }

    /// Runs `body` while a log thread writes to the file at `path`, and ends the thread afterwards.
    private func withFile(_ body: (LogFile, LogSink, EventLoop) throws -> Void) throws {
        let sink = LogSink()
        let file = try LogFile(path, sink: sink)
        let loop = EventLoop()
        file.attach(to: loop)
        let thread = sink.start()
        try body(file, sink, loop)
        sink.endWaiting()
        thread.join()
        loop.dismantle()
    }

    private func reopen(_ file: LogFile, _ loop: EventLoop) -> LogReopening {
        var outcome: LogReopening?
        file.reopen { outcome = $0 }
        while outcome == nil { loop.turn() }
        return outcome!
    }

    /// logrotate renames the file (its option `create`) and asks for the log to be reopened.
    ///
    /// Once the server answers that the log is reopened, the renamed file has all lines that were logged before.
    @Test func aRenamedFileIsCompleteAndTheNextLineGoesToTheNewOne() throws {
        try withFile { file, sink, loop in
            sink.write(Array("one".utf8))
            try #require(rename(path, path + ".1") == 0)
            sink.write(Array("two".utf8))
            #expect(reopen(file, loop) == .reopened(path: path))
            #expect(try text(path + ".1") == "one\ntwo\n")
            sink.write(Array("three".utf8))
        }
        #expect(try text(path) == "three\n")
        #expect(try text(path + ".1") == "one\ntwo\n")
    }

    /// If another program truncates the file, the next line is written at the beginning of the file.
    ///
    /// logrotate truncates the file with its option `copytruncate`.
    @Test func aFileThatIsCutDownGoesOnAtItsBeginning() throws {
        try withFile { file, sink, loop in
            sink.write(Array("one".utf8))
            #expect(reopen(file, loop) == .reopened(path: path))
            try #require(truncate(path, 0) == 0)
            sink.write(Array("two".utf8))
        }
        #expect(try text(path) == "two\n")
    }

    @Test func aFileThatCannotBeOpenedAgainLeavesTheEarlierOne() throws {
        try withFile { file, sink, loop in
            try #require(rename(path, path + ".1") == 0)
            try #require(mkdir(path, 0o755) == 0)
            guard case .failed(let why) = reopen(file, loop) else {
                Issue.record("a directory was opened")
                return
            }
            #expect(why == "log.file: cannot write \(path): Is a directory")
            sink.write(Array("kept".utf8))
        }
        #expect(try text(path + ".1") == "kept\n")
    }

    @Test func itMovesToAnotherFileAndToStdoutAndBack() throws {
        let other = folder + "/other.log"
        try withFile { file, sink, loop in
            #expect(try file.prepare(path) == nil)
            sink.write(Array("one".utf8))
            file.commit(try #require(try file.prepare(other)))
            sink.write(Array("two".utf8))
            file.commit(try #require(try file.prepare(nil)))
            #expect(reopen(file, loop) == .isStdout)
            file.commit(try #require(try file.prepare(path)))
            sink.write(Array("three".utf8))
        }
        #expect(try text(path) == "one\nthree\n")
        #expect(try text(other) == "two\n")
    }

    /// The file is created with mode 0640, less the umask.
    @Test func itsModeIsNarrow() throws {
        try withFile { _, _, _ in }
        var status = stat()
        try #require(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 & ~0o640 == 0)
        #expect(status.st_mode & 0o600 == 0o600)
    }

    /// Opening a log file fails at once and with the reason, if the path is a directory or its folder is missing.
    ///
    /// It fails also for a pipe that nobody reads, because opening the pipe would block otherwise.
    @Test func whatCannotBeOpenedIsAnErrorAtOnce() throws {
        try #require(mkfifo(folder + "/pipe", 0o600) == 0)
        for (name, why) in [
            ("pipe", "it is a pipe that nobody reads, or a socket"),
            ("missing/access.log", "No such file or directory"),
            (".", "Is a directory"),
        ] {
            let path = "\(folder)/\(name)"
            do throws(StartError) {
                _ = try LogOutput(path: path)
                Issue.record("\(path) was opened")
            } catch {
                #expect(error.description == "log.file: cannot write \(path): \(why)")
            }
        }
    }

    /// The log can change to a file while it is blocked by a full pipe that nobody reads.
    ///
    /// The lines that did not fit into the pipe are counted as dropped.
    @Test func aBlockedPipeIsLeft() throws {
        var ends: [CInt] = [0, 0]
        try #require(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let sink = LogSink(descriptor: ends[1])
        let thread = sink.start()
        let filler = String(repeating: "x", count: 100)
        for number in 0..<4000 { sink.write(Array("\(number) \(filler)".utf8)) }
        let file = try LogFile(path, sink: sink)
        let loop = EventLoop()
        file.attach(to: loop)
        sink.write(Array("first".utf8))
        // The reopening is answered only after the log thread has stopped writing to the pipe.
        #expect(reopen(file, loop) == .reopened(path: path))
        #expect(try text(path) == "first\n")
        #expect(sink.dropped > 0 && sink.dropped < 4000)
        sink.endWaiting()
        thread.join()
        loop.dismantle()
        for end in ends { close(end) }
    }

    @Test func aFullDiskIsNamed() throws {
        let sink = LogSink()
        let file = try LogFile("/dev/full", sink: sink)
        let thread = sink.start()
        for _ in 0..<10 { sink.write(Array("line".utf8)) }
        sink.endWaiting()
        thread.join()
        #expect(file.path == "/dev/full" && sink.dropped == 10)
        #expect(sink.reason == "/dev/full: No space left on device")
    }

    /// While a write blocks the log's thread, only a limited number of requests to change the log's output may wait.
    @Test func changesThatWaitAreBounded() throws {
        let sink = LogSink()
        let file = try LogFile(path, sink: sink)
        var outcomes: [LogReopening] = []
        // The log thread is not started, which has the same effect as a write that never returns.
        for _ in 0..<10 { file.reopen { outcomes.append($0) } }
        #expect(outcomes.count >= 6)
        #expect(outcomes.allSatisfy { $0 == .failed("the log's thread has been blocked for long") })
    }
}
