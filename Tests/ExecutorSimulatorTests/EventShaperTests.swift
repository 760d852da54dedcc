// Tests faults of the simulated executor that join, divide or shorten its events.
import Testing

@testable import ExecutorSimulator

@Suite struct EventShaperTests {
    private static let events = ["data: one\n\n", "data: two\n\n", "data: [DONE]\n\n"]

    /// The chunks that the shaper sends after each event, and after the end of the stream.
    private func shape(_ faults: String, _ events: [String] = events) throws -> [[String]] {
        var shaper = EventShaper(try Faults(faults))
        var chunks = events.map { shaper.add(Array($0.utf8)) }
        chunks.append(shaper.finish())
        return chunks.map { $0.map { String(decoding: $0, as: UTF8.self) } }
    }

    @Test func withoutFaultsEventsPassOneByOne() throws {
        #expect(EventShaper(Faults()).isPlain)
        #expect(try shape("") == Self.events.map { [$0] } + [[]])
    }

    @Test func allEventsJoinAtTheEnd() throws {
        #expect(try shape("coalesce") == [[], [], [], [Self.events.joined()]])
    }

    @Test func soManyEventsJoin() throws {
        let events = Self.events
        #expect(try shape("coalesce:1") == events.map { [$0] } + [[]])
        #expect(try shape("coalesce:2") == [[], [events[0] + events[1]], [], [events[2]]])
        #expect(try shape("coalesce:3") == [[], [], [events.joined()], []])
    }

    @Test func whatIsJoinedIsBounded() throws {
        let large = String(repeating: "x", count: 256 << 10)
        #expect(try shape("coalesce", [large, "data: 1\n\n"]) == [[large], [], ["data: 1\n\n"]])
    }

    @Test func commentsAndLineEndsComeBeforeJoining() throws {
        #expect(try shape("comments,crlf,coalesce", ["data: 1\n\n"]) == [[], [": a comment\r\n\r\ndata: 1\r\n\r\n"]])
    }

    @Test func theLastEventAloneLacksItsLastLF() throws {
        let events = Self.events
        #expect(try shape("no_last_lf") == [[], [events[0]], [events[1]], ["data: [DONE]\n"]])
        #expect(try shape("no_last_lf,crlf", ["data: 1\n\n"]) == [[], ["data: 1\r\n\r"]])
        #expect(try shape("no_last_lf,coalesce") == [[], [], [], [String(events.joined().dropLast())]])
    }

    @Test func halfAnEventKeepsItsLastByte() throws {
        #expect(try shape("no_last_lf", ["data: ha"]) == [[], ["data: ha"]])
    }

    @Test func piecesEndAtMultiplesOfTheSizeInTheWholeStream() throws {
        let events = ["12345", "678", "9"]
        #expect(try shape("split_every:2", events) == [["12", "34", "5"], ["6", "78"], ["9"], []])
        #expect(try shape("split_every:2,coalesce", events) == [[], [], [], ["12", "34", "56", "78", "9"]])
        #expect(try shape("split_every:1", ["abc"]) == [["a", "b", "c"], []])
        #expect(EventShaper(try Faults("split_every:2")).isCut)
    }

    @Test func piecesEndAtOffsetsInTheWholeStream() throws {
        let events = ["12345", "678", "9"]
        #expect(try shape("split_at:7,split_at:1", events) == [["1", "2345"], ["67", "8"], ["9"], []])
        #expect(try shape("split_at:0,split_at:9,split_at:99,coalesce", events) == [[], [], [], ["123456789"]])
        #expect(try shape("split_at:8,split_every:3,coalesce", events) == [[], [], [], ["123", "456", "78", "9"]])
    }

    @Test func thirdsAreOfWhatIsJoined() throws {
        #expect(try shape("split", ["1234567", "ab"]) == [["123", "456", "7"], ["a", "b"], []])
        #expect(try shape("split,coalesce", ["1234567", "ab"]) == [[], [], ["123", "456", "7ab"]])
    }

    @Test(arguments: ["", "coalesce", "coalesce:2", "split", "split_every:1", "split_every:7", "split_at:5,coalesce:2"])
    func noByteIsLostOrMoved(_ faults: String) throws {
        #expect(try shape(faults).joined().joined() == Self.events.joined())
    }
}
