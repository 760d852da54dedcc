import Glibc
import Testing

@testable import Edge

@Suite struct LogWriterTests {
    /// A descriptor that takes so many bytes in each call, or fails with an errno where the number is negative.
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

    /// The rest of a line that was begun comes before the next line: none is ever joined to another.
    @Test func aLineThatWasBegunIsFinishedFirst() {
        let output = Output([6, -Int(ENOSPC)])
        var writer = LogWriter()
        let loss = writer.write(Array("one\ntwo\nthree\nfour\n".utf8), count: 4, to: output.write)
        #expect(loss == LogLoss(lines: 2, code: ENOSPC))
        #expect(output.text == "one\ntw")
        // Still full: the next lines are lost, and the rest is kept.
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
        // A line's end is the last that was taken.
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
        // A line that is longer than a piece has several.
        #expect(piece([5000, 10]) == 4096)
    }

    /// Every cut of every batch: what is written and what is lost are all lines, and each line is whole.
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

@Suite struct LogLossReporterTests {
    private let second: UInt64 = 1_000_000_000

    @Test func lossesAreToldAtOnceThenAtTimesAndWhenTheyAreOver() {
        var teller = LogLossReporter()
        func tell(_ dropped: Int, at seconds: UInt64) -> String? {
            teller.message(dropped: dropped, reason: "why", at: 100 * second + seconds * second)
        }
        #expect(tell(0, at: 0) == nil)
        #expect(tell(3, at: 1) == "3 log lines were dropped: why")
        #expect(tell(9, at: 2) == nil)
        #expect(tell(20, at: 10) == nil)
        #expect(tell(25, at: 11) == "22 log lines were dropped: why")
        #expect(tell(25, at: 12) == nil)
        #expect(tell(25, at: 21) == "log lines are written again: 25 were dropped in all")
        #expect(tell(25, at: 40) == nil)
        #expect(tell(26, at: 41) == "1 log lines were dropped: why")
    }
}

@Suite struct LogTextTests {
    @Test(arguments: [
        ("gpt-5", "gpt-5"), ("Qwen/Qwen3 Coder", "Qwen/Qwen3 Coder"), ("modèle", "modèle"), ("", ""),
        ("a\nb\u{202E}c\u{2028}d\u{7F}\u{85}", #"a\u{a}b\u{202e}c\u{2028}d\u{7f}\u{85}"#),
        ("fi-" + String(repeating: "A", count: 43), "fi-..."), ("sk-proj-0123456789abcdef", "sk-..."),
        ("fi-small", "fi-small"), (" fi-0123456789abcdefgh", " fi-..."), ("a/sk-0123456789abcdefgh:b", "a/sk-...:b"),
        ("task-0123456789abcdefgh", "task-0123456789abcdefgh"),
    ])
    func whatAClientWroteIsMadeFit(text: String, told: String) { #expect(LogText.bounded(text) == told) }

    @Test func whatIsAsItCameHasNoKeyEither() {
        let key = "fi-" + String(repeating: "k", count: 43)
        #expect(LogText.withoutKeys("/v1/models/\(key)") == "/v1/models/fi-...")
        #expect(LogText.withoutKeys("x y-z é \(key), \(key)") == "x y-z é fi-..., fi-...")
        for text in ["", "/v1/chat/completions", "OpenAI/Python 1.2", "6f9619ff-8b86-d011-b42d-00cf4fc964ff"] {
            #expect(LogText.withoutKeys(text) == text)
        }
    }

    @Test func aLongTextIsCutBetweenTwoCharacters() {
        let text = LogText.bounded(String(repeating: "é", count: 1000))
        #expect(text.utf8.count == 256 && text.allSatisfy { $0 == "é" })
        #expect(LogText.bounded(String(repeating: "\n", count: 1000)).utf8.count <= 256)
    }
}

@Suite struct DrainReportTests {
    @Test func howADrainWentIsOneLine() {
        var report = DrainReport(began: 5_000_000_000)
        #expect(report.text(at: 8_250_000_000) == "stopped after 3.2 s: every exchange had ended")
        report.expired(0)
        #expect(report.text(at: 8_250_000_000) == "stopped after 3.2 s: every exchange had ended")
        report.expired(1)
        #expect(
            report.text(at: 6_000_000_000) == "stopped after 1.0 s: 1 exchange was cut since drain_timeout was over"
        )
        report = DrainReport(began: 0)
        report.cut(7)
        #expect(report.isCut && report.text(at: 0) == "stopped after 0.0 s: 7 exchanges were cut by a second signal")
    }
}
