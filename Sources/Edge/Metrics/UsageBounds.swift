// The largest numbers of tokens that a request and its response can have. If an engine reports more, the edge lowers
// its numbers.
internal import Inference

/// The largest numbers of tokens that an exchange can have.
///
/// The edge computes them when it has read the request, and applies them to the engine's numbers when the exchange has
/// ended.
struct UsageBounds: Equatable {
    /// The largest number of tokens that an engine's chat template may add to the prompt of a request.
    static let templateTokens = 4096
    /// The largest number of tokens for one image, or for one file that the request refers to by name only.
    static let mediaTokens = 1 << 20
    /// The largest number of reasoning tokens that a model may generate for one choice without sending them.
    static let hiddenTokens = 1 << 18

    private var input = Int.max
    private var output: Int?
    private var completions = 1

    /// The bounds before the edge has read the request.
    ///
    /// The input has no bound, and the output is bounded by the number of bytes of the response.
    init() {}

    /// The largest numbers of tokens that are possible for a request.
    ///
    /// - Parameters:
    ///   - promptTokens: the estimated tokens of the prompt.
    ///   - bodyBytes: the size of the whole body; each token of the prompt has at least one byte.
    init(_ scan: RequestScan, dialect: Dialect, promptTokens: Int, bodyBytes: Int) {
        let media = scan.media
        // A request of the Responses API may continue an earlier response, whose prompt is not in this body. The
        // earlier prompt is therefore counted as one more file, which may have `mediaTokens` tokens.
        let named = media.images + media.references + (dialect == .responses ? 1 : 0)
        input = max(promptTokens, bodyBytes) + Self.templateTokens + min(named, 1 << 10) * Self.mediaTokens
        // For some engines a limit of 0 output tokens means that there is no limit.
        output = scan.answerTokensMax == 0 ? nil : scan.answerTokensMax
        completions = min(scan.choices, 1 << 10)
    }

    /// Lowers impossibly large numbers of tokens that the executor has reported; numbers that the edge has estimated
    /// stay as they are.
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
