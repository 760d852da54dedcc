// The tokens that an exchange has used: as its executor counted them, or estimated if the executor gave no count.
internal import Inference

/// The tokens that one exchange has used, whether it was complete or failed.
struct Usage: Equatable {
    /// Tokens of the prompt.
    var input = 0
    /// Tokens of the response.
    var output = 0
    /// Whether `input` is an estimate, because the executor gave no count or an impossible one.
    var isInputEstimated = true
    var isOutputEstimated = true
    /// Tokens of the prompt that the executor had in its cache; nil if the executor has not reported them.
    var cached: Int?
    /// Tokens of the response that were reasoning; nil if the executor has not reported them.
    var reasoning: Int?

    /// Whether the executor reported a count above the largest that is possible for the exchange (`UsageBounds`).
    ///
    /// Such a count is replaced by the largest possible one.
    private(set) var isCapped = false

    /// How many bytes of JSON count as one token in an estimate.
    static let bytesPerToken = MediaTokens.bytesPerToken

    /// No tokens: the usage of an exchange without an attempt, or without an answer to count.
    ///
    /// There is no such answer if the executor of the last attempt did not get the whole request or answered with an
    /// error, or if the attempt failed before its answer was relayed.
    static let none = Usage()

    /// The usage of a stream of events.
    ///
    /// The executor's count of output tokens is taken as exact only if the stream is complete and no text came after
    /// the count. Otherwise that count may be too small: the first event of an Anthropic stream, for example, reports
    /// 1 token. The output is then the larger of this count and the edge's own count.
    ///
    /// - Parameters:
    ///   - isWhole: whether the stream is complete.
    ///   - requestBytes: the estimated size of the prompt in bytes; an image, for example, counts as a text that has
    ///     the same number of tokens.
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

    /// The usage of a response that is not a stream of events; no tokens if the response is an error.
    ///
    /// - Parameters:
    ///   - scan: what was found in the response; nil if it is not a JSON document that could be scanned.
    ///   - answerBytes: how many bytes of the response arrived.
    ///   - requestBytes: the estimated size of the prompt in bytes.
    init(_ scan: AnswerScan?, dialect: Dialect, answerBytes: Int, requestBytes: Int) {
        guard scan?.error == nil else { return }
        let counts = scan?.tokens ?? TokenCounts()
        if let said = counts.output.value {
            output = said
            isOutputEstimated = false
        } else if dialect.generates {
            output = answerBytes / Self.bytesPerToken
        } else if scan?.hasUsage == true {
            // An endpoint that generates nothing, such as embeddings, reports the usage of its prompt. Its output of 0
            // tokens is then not an estimate.
            isOutputEstimated = false
        }
        input(counts.prompt(in: dialect), requestBytes: requestBytes)
        note(counts, in: dialect)
    }

    /// The usage if an executor received the request but did not answer: the tokens of the prompt.
    init(requestBytes: Int) { input(nil, requestBytes: requestBytes) }

    private init() {}

    /// Lowers the executor's count of the prompt's tokens to `most`, and that of the response's tokens to `output`, if
    /// they are larger.
    ///
    /// An engine that reports absurd numbers would otherwise use up the rate limits of API keys for hours.
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
