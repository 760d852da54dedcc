import Glibc
import Testing
import Transport

@testable import Edge

@Suite struct LogSinkTests {
    private func pipeEnds() -> (read: CInt, write: CInt) {
        var ends: [CInt] = [0, 0]
        #expect(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    @Test func linesComeOutInOrder() {
        let ends = pipeEnds()
        let sink = LogSink(descriptor: ends.write)
        let thread = sink.start()
        for number in 0..<100 { sink.write(Array("line \(number)".utf8)) }
        sink.endWaiting()
        thread.join()
        close(ends.write)
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(ends.read, &buffer, buffer.count)
            guard count > 0 else { break }
            text += buffer[..<count]
        }
        close(ends.read)
        #expect(String(decoding: text, as: UTF8.self) == (0..<100).map { "line \($0)\n" }.joined())
        #expect(sink.dropped == 0)
    }

    private func lines(of descriptor: CInt) -> [String] {
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            text += buffer[..<count]
        }
        return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// Lines that cannot be written before the process ends are lost; the count of dropped lines is exact.
    @Test func whatIsQueuedAtTheEndIsCounted() {
        let ends = pipeEnds()
        let sink = LogSink(descriptor: ends.write)
        let thread = sink.start()
        let filler = String(repeating: "x", count: 100)
        // The lines are six times as large as the buffer of a pipe.
        for number in 0..<4000 { sink.write(Array("\(number) \(filler)".utf8)) }
        sink.endWaiting()
        thread.join()
        close(ends.write)
        let written = lines(of: ends.read)
        close(ends.read)
        let whole = written.filter { $0.hasSuffix(filler) }
        #expect(written == whole, "a line is torn")
        #expect(whole.count + sink.dropped == 4000)
        #expect(sink.reason == "nobody reads stdout")
    }

    @Test func aReaderThatIsGoneCostsLinesAndIsToldAsSuch() {
        signal(SIGPIPE, SIG_IGN)
        let ends = pipeEnds()
        close(ends.read)
        let sink = LogSink(descriptor: ends.write)
        let thread = sink.start()
        for _ in 0..<10 { sink.write(Array("line".utf8)) }
        sink.endWaiting()
        thread.join()
        close(ends.write)
        #expect(sink.dropped == 10)
        #expect(sink.reason == "stdout: Broken pipe")
    }

    @Test func aFullDiskCostsLinesAndIsToldAsSuch() throws {
        let full = open("/dev/full", O_WRONLY)
        try #require(full >= 0)
        let sink = LogSink(descriptor: full)
        let thread = sink.start()
        for _ in 0..<10 { sink.write(Array("line".utf8)) }
        sink.endWaiting()
        thread.join()
        close(full)
        #expect(sink.dropped == 10)
        #expect(sink.reason == "stdout: No space left on device")
    }

    /// A slow reader of a pipe gets every line completely.
    @Test func aSlowReaderGetsEveryLine() {
        let ends = pipeEnds()
        let sink = LogSink(descriptor: ends.write)
        let thread = sink.start()
        for number in 0..<3000 { sink.write(Array("line \(number) of many, so that a pipe is full".utf8)) }
        let reader = Lock<[String]>([])
        let reading = Transport.Thread(name: "reader") { [self] in
            let found = lines(of: ends.read)
            reader.withLock { $0 = found }
        }
        sink.endWaiting()
        thread.join()
        close(ends.write)
        reading.join()
        close(ends.read)
        let found = reader.withLock { $0 }
        #expect(found == (0..<3000).map { "line \($0) of many, so that a pipe is full" })
        #expect(sink.dropped == 0)
    }

    @Test func whatNobodyTakesIsDroppedAndCounted() {
        // The sink's thread is not started, so no line is written, as when stdout is blocked.
        let sink = LogSink(descriptor: -1)
        let line = [UInt8](repeating: 0x61, count: 64 << 10)
        for _ in 0..<100 { sink.write(line) }
        #expect(sink.dropped > 30)
        #expect(sink.dropped < 100)
    }
}
