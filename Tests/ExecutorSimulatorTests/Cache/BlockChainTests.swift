// How the simulator counts the tokens of a prompt without a tokenizer, and hashes its blocks of tokens, by which
// prefixes are cached.
import Testing

@testable import ExecutorSimulator

@Suite struct BlockChainTests {
    private func chain(blockSize: Int = 4, _ add: (inout BlockChain.Builder) -> Void) -> BlockChain {
        var builder = BlockChain.Builder(blockSize: blockSize)
        add(&builder)
        return builder.finished()
    }

    @Test(arguments: ["", " ", "one", "one two", "  one\n two\t", "日本 東京 🙂", "a b c d e f g h i"])
    func textHasAsManyTokensAsWords(_ text: String) {
        let chain = chain { $0.add(text: text) }
        #expect(chain.tokens == Vocabulary.count(text))
        #expect(chain.hashes.count == chain.tokens / 4)
    }

    @Test func piecesOfATextAreOneText() {
        let whole = chain { $0.add(text: "one two three four five") }
        let pieces = chain {
            for piece in ["one tw", "o", " three", " ", "four five"] { $0.add(text: piece) }
        }
        #expect(pieces == whole)
    }

    @Test func aBlockDependsOnAllBeforeIt() {
        let one = chain { $0.add(text: "a b c d e f g h i j k l") }
        let other = chain { $0.add(text: "a b c d e f X h i j k l") }
        #expect(one.hashes.count == 3 && other.hashes.count == 3)
        #expect(one.hashes[0] == other.hashes[0])
        #expect(one.hashes[1] != other.hashes[1] && one.hashes[2] != other.hashes[2])
        let spaced = chain { $0.add(text: "a b c d  e f g h") }
        #expect(spaced.hashes[0] == one.hashes[0] && spaced.hashes[1] != one.hashes[1], "white space counts")
    }

    @Test func aLongerPromptHasTheBlocksOfItsBeginning() {
        let short = chain {
            $0.mark("user")
            $0.add(text: "a b c d e f")
        }
        let long = chain {
            $0.mark("user")
            $0.add(text: "a b c d e f")
            $0.mark("assistant")
            $0.add(text: "g h i")
        }
        #expect(short.tokens == 6 && long.tokens == 9)
        #expect(long.hashes.first == short.hashes.first && long.hashes.count == 2)
    }

    @Test func aMarkHasNoTokensButChangesTheBlock() {
        let user = chain {
            $0.mark("user")
            $0.add(text: "a b c d")
        }
        let system = chain {
            $0.mark("system")
            $0.add(text: "a b c d")
        }
        #expect(user.tokens == 4 && user.hashes != system.hashes)
    }

    @Test func fourBytesOfJSONAreAToken() {
        #expect(chain { $0.add(json: Array("12345678".utf8)) }.tokens == 2)
        #expect(chain { $0.add(json: Array("123456789".utf8)) }.tokens == 3)
        let mixed = chain {
            $0.add(text: "one tw")
            $0.add(json: Array("12345".utf8))
            $0.add(text: "three")
        }
        #expect(mixed.tokens == 5 && mixed.hashes.count == 1)
    }

    @Test func mediaHasAFixedNumberOfTokensAndBlocksOfItsOwn() {
        let image = chain(blockSize: 16) { $0.add(media: [1, 2, 3]) }
        let other = chain(blockSize: 16) { $0.add(media: [1, 2, 4]) }
        #expect(image.tokens == 256 && image.hashes.count == 16)
        #expect(Set(image.hashes + other.hashes).count == 32)
    }

    @Test func tokenIDsAreTokens() {
        let ids = chain { for id in [5, 6, 7, 8, 9] { $0.add(token: id) } }
        let others = chain { for id in [5, 6, 8, 7, 9] { $0.add(token: id) } }
        #expect(ids.tokens == 5 && ids.hashes.count == 1 && ids.hashes != others.hashes)
    }
}
