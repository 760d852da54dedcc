// Tests that the bench makes prompts of a trace's hashes: prompts with equal leading hashes begin with equal text.
import Testing

@testable import Bench

@Suite struct TracePromptTests {
    private static let mooncake = """
        {"timestamp": 0, "input_length": 1100, "output_length": 1, "hash_ids": [0, 1, 2]}
        {"timestamp": 1, "input_length": 1536, "output_length": 1, "hash_ids": [0, 1, 3]}
        {"timestamp": 2, "input_length": 600, "output_length": 1, "hash_ids": [4, 1]}
        {"timestamp": 3, "input_length": 30, "output_length": 1, "hash_ids": [3]}
        """

    private func texts(_ trace: String, seed: UInt64 = 1) throws -> [[UInt8]] {
        let trace = try TraceFile(Array(trace.utf8), name: "trace")
        let prompts = TracePrompt(seed: seed)
        return trace.requests.indices.map { prompts.text(of: $0, in: trace) }
    }

    @Test func aTokenIsAWordOfThreeLetters() throws {
        for (text, tokens) in zip(try texts(Self.mooncake), [1100, 1536, 600, 30]) {
            #expect(text.count == tokens * 4)
            for (index, byte) in text.enumerated() {
                let isLetter = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                #expect(index % 4 == 3 ? byte == UInt8(ascii: " ") : isLetter, "\(index)")
            }
        }
    }

    @Test func aBlockHasTheSameTextEverywhere() throws {
        let texts = try texts(Self.mooncake)
        #expect(texts[0][..<4096] == texts[1][..<4096])
        #expect(texts[0][4096...] != texts[1][4096..<4400])
        #expect(texts[2][..<2048] != texts[0][..<2048])
        #expect(Array(texts[2][2048...]) == Array(texts[0][2048..<2400]))
        #expect(texts[3] == Array(texts[1][4096..<4216]))
    }

    @Test func theSeedDeterminesTheText() throws {
        #expect(try texts(Self.mooncake) == texts(Self.mooncake))
        #expect(try texts(Self.mooncake)[3] != texts(Self.mooncake, seed: 2)[3])
    }

    /// The words of a prompt are drawn from all 17,576 words of three letters, so few of 1536 words occur twice.
    @Test func wordsAreSpreadOverAllWords() throws {
        let text = try texts(Self.mooncake)[1]
        let words = Set(stride(from: 0, to: text.count, by: 4).map { Array(text[$0..<$0 + 3]) })
        #expect(words.count > 1350, "of 1536")
        for place in 0..<3 { #expect(Set(words.map { $0[place] }).count == 26) }
    }

    @Test func withoutBlockNumbersNoTextOccursTwice() throws {
        let rows = (0..<20).map { "2023-11-16 18:17:\($0 + 10),1100,1\n" }.joined()
        let texts = try texts("\(TraceFormat.azureHeader)\n\(rows)")
        #expect(texts.count == 20)
        let parts = texts.flatMap { text in stride(from: 0, to: 4400, by: 40).map { Array(text[$0..<$0 + 40]) } }
        #expect(Set(parts).count == 20 * 110)
        #expect(texts.allSatisfy { $0.count == 4400 })
    }
}
