// Where the words and sentences of an error message end, and which words are quoted names.
import Testing

@testable import Inference

@Suite struct SentenceTokenizerTests {
    private typealias Word = ErrorSentence.Word
    private func words(_ message: String) -> [[Word]] {
        var tokenizer = SentenceTokenizer(Array(message))
        return tokenizer.run().map(\.words)
    }
    private func texts(_ message: String) -> [[String]] { words(message).map { $0.map(\.text) } }

    @Test(arguments: [
        ("", []), (" .!\n", []), ("one two", [["one", "two"]]), ("one. two!", [["one"], ["two"]]),
        ("a\nb", [["a"], ["b"]]), ("version 1.5 of x.y", [["version", "1.5", "of", "x.y"]]),
        ("a, b", [["a", ",", "b"]]), ("(a) [b] <c>", [["a", "b", "c"]]),
        ("it isn't there", [["it", "isn't", "there"]]),
        ("/v1/models is missing", [["/v1/models", "is", "missing"]]), ("why? because", [["why"], ["because"]]),
    ])
    func wordsAndSentencesEndWhereTheyDo(message: String, expected: [[String]]) { #expect(texts(message) == expected) }

    @Test(arguments: ["'x y'", "\"x y\"", "`x y`", "\u{201C}x y\u{201D}", "\u{2018}x y\u{2019}"])
    func whatIsQuotedIsOneName(name: String) {
        #expect(
            words("model \(name) not found") == [
                [Word(text: "model"), Word(text: "x y", isQuoted: true), Word(text: "not"), Word(text: "found")]
            ]
        )
    }

    @Test func anApostropheEndsNoName() {
        #expect(words("the 'user's model' is gone")[0][1] == Word(text: "user's model", isQuoted: true))
    }

    @Test func aQuotationThatNeverEndsIsNone() {
        #expect(texts("model 'x not found") == [["model", "x", "not", "found"]])
        #expect(texts("model 'x\n' y") == [["model", "x"], ["y"]])
        let long = String(repeating: "x", count: 300)
        #expect(!words("model '\(long)' y").joined().contains { $0.isQuoted })
    }

    @Test func whatFollowsAColonIsKnown() {
        #expect(
            words("unknown model: x y")[0] == [
                Word(text: "unknown"), Word(text: "model"), Word(text: "x", isAfterColon: true), Word(text: "y"),
            ]
        )
        #expect(words("model=x")[0].last == Word(text: "x", isAfterColon: true))
        #expect(words("llama:7b is gone")[0].first == Word(text: "llama:7b"))
        #expect(words("model: 'x'")[0].last == Word(text: "x", isQuoted: true, isAfterColon: true))
    }

    /// A message that is quoted as a whole, as in JSON or Python, is read like an unquoted sentence.
    @Test func aQuotedMessageIsReadWordByWord() {
        #expect(texts("{'message': 'the model is gone', 'code': 1}").joined().contains("gone"))
        #expect(!words("'the model is gone'").joined().contains { $0.isQuoted })
    }
}
