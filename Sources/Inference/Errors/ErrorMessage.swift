// Finds the meaning of an engine's error in its message, for errors whose status, code and type say too little.

/// The message of one error, with a property for each statement that a message may make.
///
/// `EngineError.meaning` reads these properties where the error's type, code and status say too little.
struct ErrorMessage {
    /// The message in lower case.
    private let text: String
    private let sentences: [ErrorSentence]

    /// Cuts a message into its sentences.
    init(_ message: String) {
        text = message.lowercased()
        sentences = ErrorSentence.sentences(of: message)
    }

    /// What the message says about the cause of the error; nil if it does not show the cause.
    ///
    /// `EngineError` uses this value only if the error's code, type and status do not say more.
    var meaning: ErrorMeaning? {
        if let status = innerStatus, let inner = ErrorCodeTable.meaning(ofStatus: status) { return inner }
        if saysRequestIsTooLarge { return .clientError(413) }
        if saysInputIsTooLong || Self.unsupported.contains(where: text.contains) { return .clientError(400) }
        if let busy { return busy }
        return saysModelIsMissing || isOfOurAccount ? .misconfiguration : nil
    }

    /// The status in an error that the message quotes; nil if it quotes none.
    ///
    /// An engine that translates between two dialects quotes the error of the other API inside of its own message, as
    /// in `{'message': 'Bad value', 'code': 400}` or `Error code: 400 - Bad value`.
    private var innerStatus: Int? {
        for phrase in [
            "'code': ", "\"code\": ", "\"code\":", "\\\"code\\\":", "error code: ", "status code: ", "status_code=",
        ] {
            for range in text.ranges(of: phrase) {
                let digits = text[range.upperBound...].prefix { $0.isASCII && $0.isNumber }
                if digits.count == 3, let number = Int(digits), (400...599).contains(number) { return number }
            }
        }
        return nil
    }

    /// Phrases that say that the request asks for something that the engine cannot do.
    private static let unsupported = [
        "does not support tools", "does not support thinking", "does not support chat", "does not support image",
        "does not support embedding", "does not support reasoning", "is not a multimodal model", "reasoning parser",
        "requires --enable-auto-tool-choice", "--tool-call-parser", "invalid grammar", "failed to parse grammar",
    ]

    // MARK: The request is too large

    /// Whether the message says that the request alone exceeds a limit of tokens per minute, so that no later attempt
    /// can succeed.
    var saysRequestIsTooLarge: Bool {
        sentences.contains {
            $0.says([
                " request too large ", " request is too large ", " reduce your message size ",
                " tokens must be reduced ",
            ])
        }
    }

    /// Phrases, each of which alone shows that the input is too long.
    private static let tooLong = [
        "maximum context length", "context length exceeded", "context window", "exceeds the available context",
        "longer than the model's context", "prompt is too long", "input is too long",
        "exceeds the maximum allowed length",
        "longer than the maximum model length", "exceed context size", "maximum prompt length", "maximum input length",
        "maximum sequence length",
    ]
    /// Nouns for the input of a model.
    private static let inputs: Set<String> = [
        "prompt", "prompts", "input", "inputs", "context", "token", "tokens", "message", "messages", "sequence",
        "request",
        "conversation", "max_tokens", "max_new_tokens", "max_num_tokens", "max_completion_tokens", "content",
    ]
    /// Words of sentences in which something other than the input exceeds a limit.
    private static let otherLimits: Set<String> = [
        "rate", "quota", "minute", "min", "hour", "day", "month", "timeout", "timed", "time", "deadline", "memory",
        "cuda",
        "oom", "retries", "retry", "again", "wait", "seconds", "queue", "concurrent", "concurrency", "connections",
        "requests", "credit", "credits", "balance", "spend", "disk", "took", "taking", "takes", "workers", "loading",
    ]

    /// Whether the message says that the input is longer than the model or the engine accepts.
    private var saysInputIsTooLong: Bool {
        if Self.tooLong.contains(where: text.contains) { return true }
        return sentences.contains {
            $0.has(Self.inputs) && !$0.has(Self.otherLimits)
                && $0.says([
                    " too long ", " exceed", " longer than ", " too many tokens ", " overflow", " length should be ",
                    " less tokens ", " too many input ", " reduce the length of ", " greater than max",
                    " does not fit ",
                ])
        }
    }

    // MARK: The engine is busy

    /// Phrases about a rate limit.
    private static let rate = [
        "rate limit", "rate-limit", "rate_limit", "ratelimit", "too many requests", "too many concurrent", "throttl",
        "quota exceeded",
        "current quota", "concurrency limit", "concurrent request limit", "high concurrency", "requests per min",
        "tokens per min",
        "too many tokens, please wait",
    ]
    /// Phrases about a lack of capacity.
    private static let full = [
        "queue is full", "queue full", "server busy", "too busy", "is busy", "system busy", "currently busy",
        "overload",
        "maximum pending requests", "no slots available", "no slot available", "no available slot", "high demand",
        "high traffic", "high load", "heavy load", "in cooldown", "at capacity", "capacity exceeded",
        "capacity temporarily exceeded", "insufficient capacity", "out of capacity", "full capacity", "no capacity",
        "capacity limit",
        "not enough capacity", "capacity is full",
    ]

    /// The meaning `.busy` if the message says that the engine has too much to do; otherwise nil.
    ///
    /// The status is 429 for a rate limit, and 503 for a lack of capacity.
    var busy: ErrorMeaning? {
        if Self.rate.contains(where: text.contains) { return .busy(429) }
        return Self.full.contains(where: text.contains) || saysModelIsLoading ? .busy(503) : nil
    }

    /// Whether the engine says that its model is still loading; false if it says that the loading has failed.
    var saysModelIsLoading: Bool {
        sentences.contains {
            guard !$0.says([" fail", " error loading ", " unable ", " could not ", " cannot ", " after loading "])
            else {
                return false
            }
            if $0.says([
                " warming up ", " is starting ", " starting up ", " still starting ", " being loaded ",
                " being initialized ",
            ]) {
                return true
            }
            if $0.says([" is not ready ", " server not ready ", " not ready yet ", " isn't ready "]) { return true }
            return $0.has(["loading"]) && $0.has(["model", "weights", "engine", "server", "is"])
        }
    }

    // MARK: Errors in the edge's configuration

    /// Whether the message says that a model does not exist.
    ///
    /// In this case the edge's configuration is wrong, because the edge sends the configured name and not the client's.
    var saysModelIsMissing: Bool {
        sentences.contains { $0.saysModelIsMissing }
            || text.contains("模型") && ["不存在", "未找到", "已下线"].contains(where: text.contains)
    }

    /// Whether the message says that the edge's API key is wrong, or that the edge's account is empty or closed.
    var isOfOurAccount: Bool { sentences.contains { $0.saysKeyIsWrong || $0.saysAccountIsClosed } }

    /// Whether an error with status 403 refuses the content of the request, and not the edge's credential.
    var saysContentIsRefused: Bool {
        ["flagged", "moderation", "content policy", "safety", "guardrail"].contains(where: text.contains)
    }

    // MARK: Unknown paths and members

    /// Whether the message is one that servers send for an unknown path.
    ///
    /// AWS's gateway says for an unknown path that an authentication token is missing.
    var saysPathIsMissing: Bool {
        // A sentence such as `Error 404` only repeats a status. The first other sentence names what is missing.
        let first = sentences.first { sentence in !sentence.words.allSatisfy { sentence.isOfStatus($0.text) } }
        return (first ?? sentences.first)?.saysPathIsMissing == true || text.hasPrefix("missing authentication token")
    }

    /// Whether the message has no words.
    var isEmpty: Bool { sentences.isEmpty }
    /// Whether the message is about the request's member `model`, as in Anthropic's `model: claude-x`.
    var beginsWithModel: Bool { text.hasPrefix("model:") }
    /// Whether this is the message of Hugging Face's engine for an overload.
    var saysModelIsOverloaded: Bool { text.hasPrefix("model is overloaded") }

    /// Whether the message says that a member of the request is unknown or not supported.
    var refusesMember: Bool {
        [
            "unexpected keyword argument", "unknown", "unrecognized", "unrecognised", "unsupported", "not supported",
            "not implemented", "not permitted", "not allowed", "extra inputs", "extra fields", "does not support",
            "invalid",
            "unexpected",
        ].contains(where: text.contains)
    }
}
