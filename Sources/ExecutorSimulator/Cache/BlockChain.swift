// Splits a prompt into tokens without a tokenizer, and hashes its blocks. The prefix cache knows blocks by these
// hashes.

/// A prompt, divided into blocks of equally many tokens.
///
/// The prefix cache stores and finds prompts by these blocks.
struct BlockChain: Equatable {
    /// How many tokens the prompt has, including those after the last whole block.
    var tokens: Int
    /// The hash of each whole block, in order.
    ///
    /// The hash of a block covers everything from the beginning of the prompt to the end of the block. So two prompts
    /// have a block in common only if they are the same up to the end of the block.
    var hashes: [UInt64]
}

extension BlockChain {
    /// Splits a prompt into tokens, and hashes its blocks.
    ///
    /// The prompt is given piece by piece, and each piece has its own definition of a token:
    ///
    /// - Text: a word, as `Vocabulary.count` counts words. The white space before a word belongs to its token.
    /// - Other JSON, such as tools and calls of tools: four bytes.
    /// - An image, a sound or a file: 256 tokens, whatever its size.
    /// - A token id, which a prompt of the completions API may have in place of text: one token.
    ///
    /// A mark, such as the role of a message, is not a token; it is hashed with the token that follows it.
    struct Builder {
        /// The token that has begun, and whose end has not been read yet.
        private enum Unfinished: Equatable {
            case none
            case word
            /// A token of JSON has begun, and this many of its four bytes have been read.
            case bytes(Int)
        }
        /// How many bytes of JSON count as one token.
        private static let bytesOfToken = 4
        /// How many tokens an image, a sound or a file has.
        private static let tokensOfMedia = 256

        private let blockSize: Int
        private var hash = Hash()
        private var tokens = 0
        private var hashes: [UInt64] = []
        private var unfinished = Unfinished.none

        /// Makes a builder for a prompt of which nothing is read yet.
        ///
        /// - Parameter blockSize: how many tokens a block has, at least 1.
        init(blockSize: Int) { self.blockSize = blockSize }

        /// Adds text; text that is added next continues the last word.
        mutating func add(text: String) {
            if case .bytes = unfinished { endToken() }
            for byte in text.utf8 {
                if !Vocabulary.isSpace(byte) {
                    unfinished = .word
                } else if unfinished == .word {
                    endToken()
                }
                hash.add(byte)
            }
        }

        /// Adds a JSON value other than a text, such as a tool, by the bytes of its encoding.
        mutating func add(json bytes: [UInt8]) {
            if unfinished == .word { endToken() }
            for byte in bytes {
                hash.add(byte)
                var count = 1
                if case .bytes(let earlier) = unfinished { count += earlier }
                unfinished = .bytes(count)
                if count == Self.bytesOfToken { endToken() }
            }
        }

        /// Adds an image, a sound or a file to the prompt.
        ///
        /// - Parameter bytes: the bytes of the JSON that contains the medium or its URL. They identify the medium in
        ///   the hash.
        mutating func add(media bytes: [UInt8]) {
            endPiece()
            for byte in bytes { hash.add(byte) }
            for index in 0..<Self.tokensOfMedia { add(token: index) }
        }

        /// Adds a token that is given by its id.
        mutating func add(token id: Int) {
            hash.add(id)
            endToken()
        }

        /// Adds a mark, such as the role of the message that follows.
        ///
        /// A mark changes the hashes of the blocks, but is not a token.
        mutating func mark(_ text: String) {
            endPiece()
            hash.add(text)
        }

        /// Ends the last token, so that whatever is added next begins a new token.
        private mutating func endPiece() { if unfinished != .none { endToken() } }

        private mutating func endToken() {
            unfinished = .none
            tokens += 1
            if tokens.isMultiple(of: blockSize) { hashes.append(hash.value) }
        }

        /// Ends the prompt, and returns its blocks.
        func finished() -> BlockChain {
            var whole = self
            whole.endPiece()
            return BlockChain(tokens: whole.tokens, hashes: whole.hashes)
        }
    }
}
