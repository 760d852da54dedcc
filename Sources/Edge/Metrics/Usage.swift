// What an exchange has used, whatever its ending: the executor's count, or else an estimate that says that it is one.
internal import Inference

struct Usage: Equatable {
    var input = 0
    var output = 0
    /// The executor has not said it.
    var isInputEstimated = true
    var isOutputEstimated = true
    /// Tokens of the input that came from a cache, and of the output that were reasoning, where the executor has said so.
    var cached: Int?
    var reasoning: Int?

    /// The executor has said more than can be: what is here is the most that can.
    private(set) var isCapped = false

    /// Bytes of JSON that an estimate takes for one token.
    static let bytesPerToken = MediaTokens.bytesPerToken

    /// An executor has answered with an error, or has not been reached: nothing is used.
    static let none = Usage()

    /// A stream of events.
    ///
    /// An executor's count holds for a whole stream only, and only if no text has come after it: those that count as they
    /// go have counted less at a break, and Anthropic's first event says 1.
    ///
    /// - Parameter requestBytes: of the body that the executor has had, what of it is no text in bytes of text.
    init(_ meter: Meter, isWhole: Bool, requestBytes: Int) {
        if let said = meter.completionTokens, isWhole, meter.isOutputCounted {
            output = said
            isOutputEstimated = false
        } else {
            output = max(meter.tokens, meter.completionTokens ?? 0)
        }
        input(meter.promptTokens, requestBytes: requestBytes)
        note(meter.counts, in: meter.dialect)
    }

    /// An answer of another kind, of which so many bytes have come.
    ///
    /// One that tells an error has used nothing.
    init(_ scan: AnswerScan?, dialect: Dialect, answerBytes: Int, requestBytes: Int) {
        guard scan?.error == nil else { return }
        let counts = scan?.tokens ?? TokenCounts()
        if let said = counts.output.value {
            output = said
            isOutputEstimated = false
        } else if dialect.generates {
            output = answerBytes / Self.bytesPerToken
        } else if scan?.hasUsage == true {
            // Embeddings and their like: a usage, and nothing generated.
            isOutputEstimated = false
        }
        input(counts.prompt(in: dialect), requestBytes: requestBytes)
        note(counts, in: dialect)
    }

    /// An executor had the request, and nothing has come of it.
    init(requestBytes: Int) { input(nil, requestBytes: requestBytes) }

    private init() {}

    /// No more than so much: an engine that counts absurdly takes nobody's rates for hours.
    mutating func cap(input most: Int, output: Int) {
        if input > most, !isInputEstimated { (input, isInputEstimated, isCapped) = (most, true, true) }
        if self.output > output, !isOutputEstimated {
            (self.output, isOutputEstimated, isCapped) = (output, true, true)
        }
        cached = cached.map { min($0, input) }
        reasoning = reasoning.map { min($0, self.output) }
    }

    private mutating func note(_ counts: TokenCounts, in dialect: Dialect) {
        cached = counts.cached(in: dialect)
        reasoning = counts.reasoning.value
    }

    private mutating func input(_ said: Int?, requestBytes: Int) {
        input = said ?? requestBytes / Self.bytesPerToken
        isInputEstimated = said == nil
    }
}
