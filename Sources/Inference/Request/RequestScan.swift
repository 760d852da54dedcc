// What one scan of a request body finds, and what can be wrong with the body.

package struct RequestScan: Equatable, Sendable {
    /// `include_usage` inside of `stream_options`; ranges are those of the value.
    package enum IncludeUsage: Equatable, Sendable {
        case absent
        case null(Range<Int>)
        case no(Range<Int>)
        case yes
    }

    package enum StreamOptions: Equatable, Sendable {
        case absent
        case null(Range<Int>)
        /// `open` is the offset of its brace.
        case object(open: Int, isEmpty: Bool, includeUsage: IncludeUsage)
    }

    /// The model's name, unescaped.
    package var model: String
    /// Where its string stands in the body, with its quotes.
    package var rawModel: Range<Int>
    /// The offset of the body's opening brace.
    package var objectStart: Int
    package var stream: Bool
    package var streamOptions: StreamOptions
    /// The most tokens that the client lets an executor generate, of several limits the largest; nil where it sets none.
    package var maxTokens: Int?
    /// How many choices are asked for.
    package var n: Int
    /// Of how many completions each choice is the best: all of them are generated.
    package var bestOf: Int
    /// How many prompts a request of completions has, each of which gets `n` choices.
    package var prompts: Int
    /// What of the body is no text.
    package var media = RequestMedia()

    /// How many choices the answer has.
    package var choices: Int { max(1, min(n, 1 << 10)) * max(1, min(prompts, 1 << 10)) }

    /// The most tokens that the answer may come to, all its choices together; nil where the client sets no limit.
    package var answerTokensMax: Int? {
        guard let maxTokens else { return nil }
        let completions = max(1, n, bestOf).multipliedReportingOverflow(by: max(1, prompts))
        let tokens = maxTokens.multipliedReportingOverflow(by: completions.partialValue)
        return completions.overflow || tokens.overflow ? .max : tokens.partialValue
    }

    package init(
        model: String,
        rawModel: Range<Int>,
        objectStart: Int = 0,
        stream: Bool = false,
        streamOptions: StreamOptions = .absent,
        maxTokens: Int? = nil,
        n: Int = 1,
        bestOf: Int = 1,
        prompts: Int = 1
    ) {
        self.model = model
        self.rawModel = rawModel
        self.objectStart = objectStart
        self.stream = stream
        self.streamOptions = streamOptions
        self.maxTokens = maxTokens
        self.n = n
        self.bestOf = bestOf
        self.prompts = prompts
    }
}

package enum RequestScanError: Error, Equatable, Sendable {
    case invalidJSON
    case notAnObject
    case trailingContent
    case missingModel
    case duplicate(String)
    /// A key differs from this one only in its case, or in what readers that fold cases do not tell apart.
    case ambiguous(String)
    case wrongType(String, expected: String)
    case tooLong(String, limit: Int)
    case tooSmall(String, expected: String)

    /// The key at fault.
    package var param: String? {
        switch self {
        case .invalidJSON, .notAnObject, .trailingContent: nil
        case .missingModel: "model"
        case .duplicate(let key), .ambiguous(let key), .wrongType(let key, _), .tooLong(let key, _),
            .tooSmall(let key, _):
            key
        }
    }

    package var message: String {
        switch self {
        case .invalidJSON: "The request body is not valid JSON."
        case .notAnObject: "The request body must be a JSON object."
        case .trailingContent: "The request body has content after its JSON object."
        case .missingModel: "The request body must name a model."
        case .duplicate(let key): "The request body has '\(key)' more than once."
        case .ambiguous(let key): "The request body has a key that some readers take for '\(key)'."
        case .wrongType(let key, let expected): "'\(key)' must be \(expected)."
        case .tooLong(let key, let limit): "'\(key)' must not be longer than \(limit) bytes."
        case .tooSmall(let key, let expected): "'\(key)' must be \(expected)."
        }
    }
}
