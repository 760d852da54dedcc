import Glibc
import Testing

@testable import Edge

@Suite struct LogWriterTests {
    /// Plays a file descriptor: each call of `write` accepts the next of the given numbers of bytes.
    ///
    /// A negative number lets the call fail with that errno.
    private final class Output {
        var taken: [UInt8] = []
        var answers: [Int]
        init(_ answers: [Int]) { self.answers = answers }

        func write(_ bytes: UnsafeRawBufferPointer) -> Int {
            let answer = answers.isEmpty ? Int.max : answers.removeFirst()
            guard answer > 0 else { return answer }
            let count = min(answer, bytes.count)
            taken += bytes[..<count]
            return count
        }

        var text: String { String(decoding: taken, as: UTF8.self) }
    }

    @Test func partsAreWrittenOneAfterTheOther() {
        let output = Output([2, 3, 1])
        var writer = LogWriter()
        #expect(writer.write(Array("one\ntwo\n".utf8), count: 2, to: output.write) == nil)
        #expect(output.text == "one\ntwo\n")
    }

    /// The rest of a partly written line is written before the next line, so that two lines are never joined.
    @Test func aLineThatWasBegunIsFinishedFirst() {
        let output = Output([6, -Int(ENOSPC)])
        var writer = LogWriter()
        let loss = writer.write(Array("one\ntwo\nthree\nfour\n".utf8), count: 4, to: output.write)
        #expect(loss == LogLoss(lines: 2, code: ENOSPC))
        #expect(output.text == "one\ntw")
        // The disk is still full: the next lines are lost, and the rest of the earlier line is kept.
        output.answers = [-Int(ENOSPC)]
        #expect(writer.write(Array("five\n".utf8), count: 1, to: output.write) == LogLoss(lines: 1, code: ENOSPC))
        output.answers = [1]
        #expect(writer.write(Array("six\n".utf8), count: 1, to: output.write) == nil)
        #expect(output.text == "one\ntwo\nsix\n")
        #expect(writer.rest.isEmpty)
    }

    @Test func whereNothingIsBegunAllIsLost() {
        let output = Output([-Int(EPIPE), 4, -Int(EPIPE)])
        var writer = LogWriter()
        #expect(writer.write(Array("a\nb\n".utf8), count: 2, to: output.write) == LogLoss(lines: 2, code: EPIPE))
        #expect(writer.rest.isEmpty)
        // The last byte that was written is the end of a line.
        #expect(writer.write(Array("one\ntwo\n".utf8), count: 2, to: output.write) == LogLoss(lines: 1, code: EPIPE))
        #expect(writer.rest.isEmpty)
    }

    @Test func theRestOfALineIsLostAtTheEnd() {
        let output = Output([2, 0, 0])
        var writer = LogWriter()
        #expect(writer.write(Array("one\n".utf8), count: 1, to: output.write) == LogLoss(lines: 0, code: 0))
        #expect(writer.finish(to: output.write) == LogLoss(lines: 1, code: 0))
        #expect(writer.finish(to: output.write) == nil)
    }

    @Test func aPipeIsGivenWholeLines() {
        func piece(_ lengths: [Int]) -> Int {
            let lines = lengths.map { String(repeating: "x", count: $0 - 1) + "\n" }.joined()
            return Array(lines.utf8).withUnsafeBytes { LogDescriptor.piece(of: $0) }
        }
        #expect(piece([100, 200]) == 300)
        #expect(piece([4096]) == 4096)
        #expect(piece([4000, 96, 1]) == 4096)
        #expect(piece([4000, 97]) == 4000)
        // A line that is longer than PIPE_BUF is written in several pieces.
        #expect(piece([5000, 10]) == 4096)
    }

    /// Wherever a write stops, each line is either written completely or counted as lost.
    @Test func noCutTearsALineOrLosesCount() {
        let lines = (0..<5).map { "line \($0)\n" }
        let text = Array(lines.joined().utf8)
        for cut in 1..<text.count {
            let output = Output([cut, -Int(EIO)])
            var writer = LogWriter()
            let lost = writer.write(text, count: 5, to: output.write)?.lines ?? 0
            #expect(writer.write(Array("last\n".utf8), count: 1, to: output.write) == nil)
            let written = output.text.split(separator: "\n").map { $0 + "\n" }
            #expect(written.count + lost == 6, "\(cut)")
            #expect(written.dropLast().elementsEqual(lines.prefix(5 - lost).map { Substring($0) }), "\(cut)")
        }
    }
}
