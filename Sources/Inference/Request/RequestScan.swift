// The result of the scan of a request body.

/// The parts of a request body that the edge reads.
///
/// Ranges and offsets are in bytes of the body.
package struct RequestScan: Equatable, Sendable {
    /// The member `include_usage` of `stream_options`.
    package enum IncludeUsage: Equatable, Sendable {
        case absent
        /// The value is `null`, which has this range in the body.
        case null(Range<Int>)
        /// The value is `false`, which has this range in the body.
        case no(Range<Int>)
        case yes
    }

    /// The member `stream_options`.
    package enum StreamOptions: Equatable, Sendable {
        case absent
        /// The value is `null`, which has this range in the body.
        case null(Range<Int>)
        /// The value is an object; `open` is the offset of its opening brace.
        case object(open: Int, isEmpty: Bool, includeUsage: IncludeUsage)
    }

    /// The model's name, unescaped.
    package var model: String
    /// The range of the model's name in the body, with its quotation marks.
    package var rawModel: Range<Int>
    /// The offset of the body's opening brace.
    package var objectStart: Int
    /// Whether the client asks for a stream.
    package var stream: Bool
    /// The member `stream_options`.
    package var streamOptions: StreamOptions
    /// The largest number of tokens that an executor may generate for each choice; nil if the body sets no limit.
    ///
    /// If the body sets several limits, the largest one counts, because the edge does not know which limit the executor
    /// applies.
    package var maxTokens: Int?
    /// The number of choices that the client asks for, 1 by default.
    package var n: Int
    /// The number of completions that the executor generates for each prompt, to return the best of them; 1 by default.
    package var bestOf: Int
    /// The number of prompts of a request for completions, each of which gets `n` choices; 1 or more.
    package var prompts: Int
    /// The range of the billing header, a text that coding agents put first in the system prompt; nil if there is none.
    ///
    /// The header changes with each request, so an engine would find no cached prompt with the same beginning. An
    /// attempt may therefore leave it out. If the header is a separate text block, the range is the whole block with
    /// the comma after it.
    package var billing: Range<Int>?
    /// The ranges to leave out of the body so that it has no member `priority`, in ascending order.
    ///
    /// Engines that schedule by priority would obey the client's value. The array is empty for nearly all requests.
    package var priorities: [Range<Int>] = []
    /// The members of the body that make up its prompt; empty for dialects without prompts.
    ///
    /// The value is also empty if one of these members occurs twice, or under a name that only lenient JSON parsers
    /// accept. Engines may then differ in which value they use.
    package var prompt = PromptParts()
    /// The ranges of the body that contain images, audio, video and files, in ascending order.
    ///
    /// The value is nil if there are more than 32 of them, because the scan does not record more ranges.
    package var contents: [Range<Int>]? = []
    /// The value of `cache_salt` as written; nil if there is none.
    ///
    /// Engines share cached prompts only between requests with the same value.
    package var cacheSalt: Range<Int>?
    /// The value of `previous_response_id` as written, in OpenAI's responses; nil if there is none.
    package var previousResponse: Range<Int>?
    /// The ranges of the values of the members that `MemberNames` lists for this scan, in the order of the names.
    ///
    /// A range includes the quotation marks. It is empty if the body does not have the member, or if the member's value
    /// is no string. The whole array is empty if all ranges would be empty.
    package var named: [Range<Int>] = []
    /// The images, audio, video and files of the body.
    package var media = RequestMedia()

    /// The number of choices that the response has, at most 2^20.
    package var choices: Int { max(1, min(n, 1 << 10)) * max(1, min(prompts, 1 << 10)) }

    /// The largest number of tokens that the executor may generate for the whole request; nil if the client sets no
    /// limit.
    ///
    /// The number includes the tokens of completions that `best_of` discards.
    package var answerTokensMax: Int? {
        guard let maxTokens else { return nil }
        let completions = max(1, n, bestOf).multipliedReportingOverflow(by: max(1, prompts))
        let tokens = maxTokens.multipliedReportingOverflow(by: completions.partialValue)
        return completions.overflow || tokens.overflow ? .max : tokens.partialValue
    }

    /// Makes a scan from its parts.
    ///
    /// The default of a parameter is the value for an absent member.
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
