// The splitter returns complete events, with any kind of line end and any size of chunks.

import Inference
import Testing

@Suite struct EventSplitterTests {
    static let streams: [(String, [String])] = [
        ("data: a\n\ndata: b\n\ndata: [DONE]\n\n", ["data: a\n\n", "data: b\n\n", "data: [DONE]\n\n"]),
        ("data: a\r\n\r\ndata: b\r\n\r\n", ["data: a\r\n\r\n", "data: b\r\n\r\n"]),
        ("data: a\r\rdata: b\r\r", ["data: a\r\r", "data: b\r\r"]),
        ("event: x\ndata: 1\ndata: 2\n\n: ping\n\n", ["event: x\ndata: 1\ndata: 2\n\n", ": ping\n\n"]),
        ("event: x\r\ndata: a\n\r\ndata: b\r\n\n", ["event: x\r\ndata: a\n\r\n", "data: b\r\n\n"]),
        ("\n\ndata: a\n\n\n", ["\n", "\n", "data: a\n\n", "\n"]),
        ("data: a\n\rdata: b\n\n", ["data: a\n\r", "data: b\n\n"]),
        // A byte order mark is skipped only at the beginning of the stream.
        ("\u{FEFF}data: a\n\ndata: \u{FEFF}\n\n", ["data: a\n\n", "data: \u{FEFF}\n\n"]),
        ("\u{FEFE}: x\n\n", ["\u{FEFE}: x\n\n"]),
    ]

    @Test(arguments: streams) func givesTheSameEventsAtEverySplitPoint(stream: String, expected: [String]) {
        let bytes = Array(stream.utf8)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let chunks = [Array(bytes[..<first]), Array(bytes[first..<second]), Array(bytes[second...])]
                let found = events(chunks)
                #expect(found.events == expected, "cut at \(first) and \(second)")
                #expect(found.isWhole)
            }
        }
        #expect(events(bytes.map { [$0] }).events == expected)
    }

    @Test func handsOverAnEventOfLoneCRsAtOnce() {
        var splitter = EventSplitter()
        var found: [String] = []
        splitter.feed(Array("data: a\r\r".utf8).span) { event, _ in found.append(text(copy(event))) }
        #expect(found == ["data: a\r\r"])
        // Mixed line ends with a cut between CR and LF: no byte is lost, and the LF counts as a blank line.
        splitter.feed(Array("\ndata: b\n\n".utf8).span) { event, _ in found.append(text(copy(event))) }
        #expect(found == ["data: a\r\r", "\n", "data: b\n\n"])
    }

    @Test func waitsForTheOtherHalfOfACRLF() {
        var splitter = EventSplitter()
        var count = 0
        splitter.feed(Array("data: a\r\n\r".utf8).span) { _, _ in count += 1 }
        #expect(count == 0)
        splitter.feed(Array("\n".utf8).span) { _, _ in count += 1 }
        #expect(count == 1)
        #expect(splitter.isBetweenEvents)
    }

    @Test(arguments: ["data: a\n\ndata: b", "data: a\n\ndata: b\n", "data: a\n\ndata: b\r"])
    func knowsThatAStreamEndedInsideAnEvent(stream: String) {
        let found = events([Array(stream.utf8)])
        #expect(found.events == ["data: a\n\n"])
        #expect(!found.isWhole)
    }

    @Test(arguments: ["\n", "\r\n", "\r"]) func passesALargeEventAsItComes(end: String) {
        let large = Array(("data: " + String(repeating: "x", count: 200_000) + end + end).utf8)
        let after = Array("data: b\(end)\(end)".utf8)
        for size in [1000, 4096, 65_536] {
            var splitter = EventSplitter()
            var found: [UInt8] = []
            var kinds: [EventSplitter.Kind] = []
            let bytes = large + after
            for start in stride(from: 0, to: bytes.count, by: size) {
                splitter.feed(Array(bytes[start..<min(start + size, bytes.count)]).span) { event, kind in
                    found += copy(event)
                    kinds.append(kind)
                }
                #expect(splitter.pending <= EventSplitter.limit)
            }
            #expect(
                splitter.finish { event, kind in
                    found += copy(event)
                    kinds.append(kind)
                }
            )
            #expect(found == bytes)
            #expect(kinds.first == .firstPiece)
            #expect(kinds.filter { $0 == .lastPiece }.count == 1)
            #expect(kinds.last == .whole)
        }
    }
}
