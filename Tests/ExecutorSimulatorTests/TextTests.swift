// Words, the events that carry them, and the faults' names.
import Inference
import Testing

@testable import ExecutorSimulator

@Suite struct TextTests {
    private let vocabulary = Vocabulary()

    @Test func theSameKeyGivesTheSameText() {
        #expect(vocabulary.text(0..<50, key: 7) == vocabulary.text(0..<50, key: 7))
        #expect(vocabulary.text(0..<50, key: 7) != vocabulary.text(0..<50, key: 8))
    }

    @Test func tokensMakeTheText() {
        let tokens = (0..<200).flatMap { vocabulary.token($0, key: 3) }
        let json = JSONValue(parsing: [0x22] + tokens + [0x22])
        #expect(json?.string == vocabulary.text(0..<200, key: 3))
    }

    @Test func aContinuationFollowsWhatWasCut() {
        let whole = vocabulary.text(0..<40, key: 9)
        for cut in [1, 7, 39] {
            let beginning = vocabulary.text(0..<cut, key: 9)
            #expect(Vocabulary.count(beginning) == cut)
            #expect(beginning + vocabulary.text(cut..<40, key: 9) == whole)
        }
    }

    @Test func hashesAreTheSameInEveryProcess() {
        var hash = Hash()
        hash.add("a")
        #expect(hash.value == reference("a"))
        #expect(Hash.mix(0) == 0)
        #expect(Hash.mix(1) == Hash.mix(1))
    }

    private func reference(_ text: String) -> UInt64 {
        (Array(text.utf8) + [0]).reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    @Test func aTokenEventHasAboutTwoHundredAndTenBytes() {
        let facts = AnswerFacts(
            id: "chatcmpl-0123456789ab",
            created: 1_700_000_000,
            model: "demo",
            choices: 1,
            includesUsage: false,
            promptTokens: 1,
            endsByLength: true
        )
        var event: [UInt8] = []
        ChatForm(facts).token(choice: 0).render(
            vocabulary.token(1, key: 1),
            time: 123_456_789_012_345,
            number: 0,
            into: &event
        )
        #expect(190...230 ~= event.count)
        #expect(event.starts(with: Array("data: {".utf8)))
        #expect(event.suffix(3).elementsEqual(Array("}\n\n".utf8)))
        #expect(JSONValue(parsing: Array(event.dropFirst(6)))?["emitted_ns"]?.integer == 123_456_789_012_345)
    }

    @Test func readsFaults() throws {
        let faults = try Faults("die_after:3,comments,crlf,split")
        #expect(faults.ending == .dieAfter(3))
        #expect(faults.hasComments && faults.hasCRLF && faults.isSplit)
        #expect(try Faults("status:503").ending == .status(503))
        #expect(try Faults("huge_event:70000").hugeEvent == 70000)
        #expect(try Faults("error_only:2").ending == .errorOnly(2))
        #expect(try Faults("mistake_event:0").ending == .mistakeEvent(0))
        #expect(try Faults("error_line:3").endsAfter == 3 && Faults("error_document").endsAfter == 0)
        #expect(try Faults("coalesce").coalescedEvents == .max)
        #expect(try Faults("coalesce:0").coalescedEvents == 1)
        let cuts = try Faults("split_every:3,split_at:9,split_at:4,no_last_lf")
        #expect(cuts.splitEvery == 3 && cuts.splitAt == [9, 4] && cuts.lacksLastLF)
        for wrong in ["split_every:x", "die_after:x", "die_after:-1", "nonsense", "status:9"] {
            #expect(throws: Faults.Malformed.self) { try Faults(wrong) }
        }
    }
}
