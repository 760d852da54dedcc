// The most that a request and its answer can come to, whatever an engine counts.
internal import Inference

/// Noted once the request is known, and asked when its exchange is over.
struct UsageBounds: Equatable {
    /// A token is at least a byte, and templates add some to a prompt.
    static let templateTokens = 4096
    /// What an image, or something that a request only names, may come to.
    static let mediaTokens = 1 << 20
    /// What a model may think without showing it, each time that it answers.
    static let hiddenTokens = 1 << 18

    private var input = Int.max
    private var output: Int?
    private var completions = 1

    init() {}

    /// - Parameters:
    ///   - promptTokens: what the prompt is thought to come to.
    ///   - bodyBytes: of the whole body.
    init(_ scan: RequestScan, dialect: Dialect, promptTokens: Int, bodyBytes: Int) {
        let media = scan.media
        // Of an answer that goes on with an earlier one the executor has the prompt, and the body has not.
        let named = media.images + media.references + (dialect == .responses ? 1 : 0)
        input = max(promptTokens, bodyBytes) + Self.templateTokens + min(named, 1 << 10) * Self.mediaTokens
        // 0 is no limit to some engines.
        output = scan.answerTokensMax == 0 ? nil : scan.answerTokensMax
        completions = min(scan.choices, 1 << 10)
    }

    /// - Parameters:
    ///   - answerBytes: of the answer that came.
    ///   - seen: how many tokens of it were counted here.
    func cap(_ usage: inout Usage, answerBytes: Int, seen: Int) {
        let hidden = min(usage.reasoning ?? 0, completions * Self.hiddenTokens)
        // Tools that an engine runs by itself put into the prompt what stands in the answer.
        usage.cap(
            input: input == .max ? .max : input + answerBytes,
            output: output.map { max($0, seen) } ?? max(answerBytes, seen) + hidden
        )
    }
}
