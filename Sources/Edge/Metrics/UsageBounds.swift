// The largest number of tokens that a request and its response can have; larger counts of an engine are not believed.
internal import Inference

/// The largest numbers of tokens of an exchange: computed when the request is known, applied when the exchange has
/// ended.
struct UsageBounds: Equatable {
    /// How many tokens an engine's chat template may add to the prompt of a request.
    static let templateTokens = 4096
    /// How many tokens one image, or one file that the request refers to by name only, may have.
    static let mediaTokens = 1 << 20
    /// How many hidden reasoning tokens a model may produce for each completion.
    static let hiddenTokens = 1 << 18

    private var input = Int.max
    private var output: Int?
    private var completions = 1

    /// The bounds before the request is known.
    ///
    /// The input has no bound, and the output is bounded by the number of bytes of the response.
    init() {}

    /// The bounds of a request.
    ///
    /// - Parameters:
    ///   - promptTokens: the estimated tokens of the prompt.
    ///   - bodyBytes: the size of the whole body; each token of the prompt has at least one byte.
    init(_ scan: RequestScan, dialect: Dialect, promptTokens: Int, bodyBytes: Int) {
        let media = scan.media
        // A request of the Responses API may continue an earlier response, whose prompt is not in this body. So the
        // earlier prompt is counted like one more file.
        let named = media.images + media.references + (dialect == .responses ? 1 : 0)
        input = max(promptTokens, bodyBytes) + Self.templateTokens + min(named, 1 << 10) * Self.mediaTokens
        // For some engines a limit of 0 output tokens means that there is no limit.
        output = scan.answerTokensMax == 0 ? nil : scan.answerTokensMax
        completions = min(scan.choices, 1 << 10)
    }

    /// Limits the counts that the executor has reported; estimates stay as they are.
    ///
    /// - Parameters:
    ///   - answerBytes: how many bytes of the response arrived.
    ///   - seen: how many tokens of the response the edge has counted.
    func cap(_ usage: inout Usage, answerBytes: Int, seen: Int) {
        let hidden = min(usage.reasoning ?? 0, completions * Self.hiddenTokens)
        // An engine that runs tools itself sends the tools' output in the response, and reads it again as part of the
        // prompt. The bound of the input therefore includes the size of the response.
        usage.cap(
            input: input == .max ? .max : input + answerBytes,
            output: output.map { max($0, seen) } ?? max(answerBytes, seen) + hidden
        )
    }
}
