// Makes the texts of prompts. A trace does not contain these texts: it has only the length of each prompt and, in some
// traces, numbers of blocks, where equal numbers mean equal text.
internal import Transport

/// Makes the text of each prompt of a trace.
///
/// A token is a word of three letters and a space, which the simulated executor counts as one token, too. Mooncake's
/// traces divide prompts into blocks of 512 tokens, which are 2 KiB here. A block's number and the seed determine its
/// words.
struct TracePrompt {
    /// How many bytes a token has.
    static let tokenBytes = 4
    /// How many different words there are.
    private static let words: UInt64 = 26 * 26 * 26

    /// The random numbers for prompts of a trace that divides its prompts into numbered blocks of tokens.
    ///
    /// Each block number has its own sequence, so blocks with the same number get the same words.
    private let shared: SeededNumbers
    /// The random numbers for prompts of a trace that does not divide its prompts into numbered blocks of tokens.
    ///
    /// Each request has its own sequence, so that no two prompts get the same words.
    private let unique: SeededNumbers

    init(seed: UInt64) {
        let numbers = SeededNumbers(seed: seed)
        shared = numbers.sequence(0)
        unique = numbers.sequence(1)
    }

    /// The text of the prompt of the request at `index` of the trace: letters and spaces.
    ///
    /// A trace can divide its prompts into numbered blocks of tokens. Blocks with the same number have the same text.
    /// So prompts whose first blocks have the same numbers begin alike. Without block numbers, no text occurs twice.
    func text(of index: Int, in trace: TraceFile) -> [UInt8] {
        let request = trace.requests[index]
        var text: [UInt8] = []
        text.reserveCapacity(request.inputTokens * Self.tokenBytes)
        let own = unique.sequence(UInt64(index))
        var left = request.inputTokens
        var block = 0
        while left > 0 {
            let words =
                request.blocks.isEmpty
                ? own.sequence(UInt64(block))
                : shared.sequence(UInt64(trace.blockNumbers[request.blocks.lowerBound + block]))
            Self.append(min(left, TraceFile.blockTokens), of: words, to: &text)
            left -= TraceFile.blockTokens
            block += 1
        }
        return text
    }

    /// Appends the first `count` words of a sequence; each number of `numbers` determines four words.
    private static func append(_ count: Int, of numbers: SeededNumbers, to text: inout [UInt8]) {
        var bits: UInt64 = 0
        for index in 0..<count {
            if index % 4 == 0 { bits = numbers[UInt64(index / 4)] }
            var word = ((bits & 0xFFFF) * words) >> 16
            bits >>= 16
            for _ in 0..<3 {
                text.append(UInt8(ascii: "a") + UInt8(word % 26))
                word /= 26
            }
            text.append(UInt8(ascii: " "))
        }
    }
}
