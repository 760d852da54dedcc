import Glibc
import Testing
import Transport

@testable import Edge

@Suite struct LogSinkTests {
    private func pipeEnds() -> (read: CInt, write: CInt) {
        var ends: [CInt] = [0, 0]
        #expect(pipe(&ends) == 0)
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

    @Test func whatNobodyTakesIsDroppedAndCounted() {
        // Not started: nobody takes a line, as when stdout is blocked.
        let sink = LogSink(descriptor: -1)
        let line = [UInt8](repeating: 0x61, count: 64 << 10)
        for _ in 0..<100 { sink.write(line) }
        #expect(sink.dropped > 30)
        #expect(sink.dropped < 100)
    }
}
