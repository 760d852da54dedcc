// The most tokens that a request and its response can have, whatever counts an engine reports.
internal import Inference

/// The bounds of an exchange's usage: made when its request is known, applied when it has ended.
struct UsageBounds: Equatable {
    /// How many tokens an engine's chat template may add to a prompt, whose own tokens have at least one byte each.
    static let templateTokens = 4096
    /// How many tokens an image, or a file that the request only refers to, may have.
    static let mediaTokens = 1 << 20
    /// How many hidden reasoning tokens a model may produce for each completion.
    static let hiddenTokens = 1 << 18

    private var input = Int.max
    private var output: Int?
    private var completions = 1

    /// No bounds.
    init() {}

    /// The bounds of a request.
    ///
    /// - Parameters:
    ///   - promptTokens: the estimated tokens of the prompt.
    ///   - bodyBytes: the size of the whole body.
    init(_ scan: RequestScan, dialect: Dialect, promptTokens: Int, bodyBytes: Int) {
        let media = scan.media
        // A request of the Responses API may continue an earlier response, whose prompt is not in this body.
        let named = media.images + media.references + (dialect == .responses ? 1 : 0)
        input = max(promptTokens, bodyBytes) + Self.templateTokens + min(named, 1 << 10) * Self.mediaTokens
        // For some engines a limit of 0 means no limit.
        output = scan.answerTokensMax == 0 ? nil : scan.answerTokensMax
        completions = min(scan.choices, 1 << 10)
    }

    /// Limits the counts of a usage that are not estimates.
    ///
    /// - Parameters:
    ///   - answerBytes: how many bytes of the response came.
    ///   - seen: how many tokens of the response the edge has counted.
    func cap(_ usage: inout Usage, answerBytes: Int, seen: Int) {
        let hidden = min(usage.reasoning ?? 0, completions * Self.hiddenTokens)
        // An engine that runs tools itself puts their output, which is also in the response, into further prompts.
        usage.cap(
            input: input == .max ? .max : input + answerBytes,
            output: output.map { max($0, seen) } ?? max(answerBytes, seen) + hidden
        )
    }
}
