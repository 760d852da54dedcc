// The words that the simulated model generates as its tokens.

import Inference
import Testing

@testable import ExecutorSimulator

@Suite struct VocabularyTests {
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
}
