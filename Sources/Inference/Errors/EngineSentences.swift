// What the message of an engine's error says, where its status, its code and its type say too little.

/// The message of one error.
struct EngineSentences {
    /// In lower case.
    private let text: String
    private let sentences: [ErrorSentence]

    init(_ message: String) {
        text = message.lowercased()
        sentences = ErrorSentence.sentences(of: message)
    }

    /// What the message means that came with nothing else, or with a general failure of the server.
    var meaning: ErrorMeaning? {
        if let status = innerStatus, let inner = EngineWords.meaning(of: status) { return inner }
        if saysRequestIsTooLarge { return .clientsMistake(413) }
        if saysInputIsTooLong || Self.unsupported.contains(where: text.contains) { return .clientsMistake(400) }
        if let busy { return busy }
        return saysModelIsMissing || isOfOurAccount ? .ourConfiguration : nil
    }

    /// An engine that speaks another dialect through itself quotes the error of its inner one: `{'message': ...,
    /// 'code': 400}` in a sentence about something else, `Error code: 400 - ...`.
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

    private static let unsupported = [
        "does not support tools", "does not support thinking", "does not support chat", "does not support image",
        "does not support embedding", "does not support reasoning", "is not a multimodal model", "reasoning parser",
        "requires --enable-auto-tool-choice", "--tool-call-parser", "invalid grammar", "failed to parse grammar",
    ]

    // MARK: The request is too large

    /// A limit of tokens in a minute that one request alone is above: it never fits, whenever it comes.
    var saysRequestIsTooLarge: Bool {
        sentences.contains {
            $0.says([
                " request too large ", " request is too large ", " reduce your message size ",
                " tokens must be reduced ",
            ])
        }
    }

    private static let tooLong = [
        "maximum context length", "context length exceeded", "context window", "exceeds the available context",
        "longer than the model's context", "prompt is too long", "input is too long",
        "exceeds the maximum allowed length",
        "longer than the maximum model length", "exceed context size", "maximum prompt length", "maximum input length",
        "maximum sequence length",
    ]
    private static let inputs: Set<String> = [
        "prompt", "prompts", "input", "inputs", "context", "token", "tokens", "message", "messages", "sequence",
        "request",
        "conversation", "max_tokens", "max_new_tokens", "max_num_tokens", "max_completion_tokens", "content",
    ]
    /// What a sentence is about that says that something else than the input is too much.
    private static let otherLimits: Set<String> = [
        "rate", "quota", "minute", "min", "hour", "day", "month", "timeout", "timed", "time", "deadline", "memory",
        "cuda",
        "oom", "retries", "retry", "again", "wait", "seconds", "queue", "concurrent", "concurrency", "connections",
        "requests", "credit", "credits", "balance", "spend", "disk", "took", "taking", "takes", "workers", "loading",
    ]

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

    // MARK: Busy

    private static let rate = [
        "rate limit", "rate-limit", "rate_limit", "ratelimit", "too many requests", "too many concurrent", "throttl",
        "quota exceeded",
        "current quota", "concurrency limit", "concurrent request limit", "high concurrency", "requests per min",
        "tokens per min",
        "too many tokens, please wait",
    ]
    private static let full = [
        "queue is full", "queue full", "server busy", "too busy", "is busy", "system busy", "currently busy",
        "overload",
        "maximum pending requests", "no slots available", "no slot available", "no available slot", "high demand",
        "high traffic", "high load", "heavy load", "in cooldown", "at capacity", "capacity exceeded",
        "capacity temporarily exceeded", "insufficient capacity", "out of capacity", "full capacity", "no capacity",
        "capacity limit",
        "not enough capacity", "capacity is full",
    ]

    /// That the engine has too much to do; 429 where the sentence is about a rate, else 503.
    var busy: ErrorMeaning? {
        if Self.rate.contains(where: text.contains) { return .busy(429) }
        return Self.full.contains(where: text.contains) || saysModelIsLoading ? .busy(503) : nil
    }

    /// Whether the engine says that it still loads its model, which will end well; that it could not load it is a failure.
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

    // MARK: Our configuration

    /// Whether the message says that a model is not there: then our configuration names it wrongly, since the name that
    /// the client gave is not the one that the engine gets.
    var saysModelIsMissing: Bool {
        sentences.contains { $0.saysModelIsMissing }
            || text.contains("模型") && ["不存在", "未找到", "已下线"].contains(where: text.contains)
    }

    /// Whether the message is about our key or our bill.
    var isOfOurAccount: Bool { sentences.contains { $0.saysKeyIsWrong || $0.saysAccountIsClosed } }

    /// Whether a refusal (403) is of what the client wrote, and not of our credential.
    var saysContentIsRefused: Bool {
        ["flagged", "moderation", "content policy", "safety", "guardrail"].contains(where: text.contains)
    }

    // MARK: Paths and members

    /// Whether the message is what a server says of a path that it does not have.
    ///
    /// AWS's gateway misses a token where it has no such path.
    var saysPathIsMissing: Bool {
        // What names the thing that is missing comes first; a number may stand before it.
        let first = sentences.first { sentence in !sentence.words.allSatisfy { sentence.isOfStatus($0.text) } }
        return (first ?? sentences.first)?.saysPathIsMissing == true || text.hasPrefix("missing authentication token")
    }

    var isEmpty: Bool { sentences.isEmpty }
    /// The message begins with the name of the member that names the model.
    var beginsWithModel: Bool { text.hasPrefix("model:") }
    var saysModelIsOverloaded: Bool { text.hasPrefix("model is overloaded") }

    /// Whether the message says that a member of the request is not known.
    var refusesMember: Bool {
        [
            "unexpected keyword argument", "unknown", "unrecognized", "unrecognised", "unsupported", "not supported",
            "not implemented", "not permitted", "not allowed", "extra inputs", "extra fields", "does not support",
            "invalid",
            "unexpected",
        ].contains(where: text.contains)
    }
}

extension ErrorSentence {
    private static let keys = [
        " api key", " api_key", " apikey", " api-key", "-api-key ", " api token", " access token", " auth token",
        " authentication token", " bearer token", " access key", " subscription key", " authorization header",
        " credentials ",
    ]
    /// What the client wrote, which may have a key in it as well.
    private static let partsOfRequests: Set<String> = [
        "parameter", "parameters", "argument", "arguments", "field", "fields", "property", "properties", "mcp", "tool",
        "tools", "url", "image", "file", "inputs",
    ]
    private static let wrong: Set<String> = [
        "invalid", "incorrect", "expired", "missing", "revoked", "disabled", "deleted", "leaked", "wrong", "malformed",
        "inactive", "unauthorized", "rejected", "required", "suspended", "blocked", "deactivated",
    ]
    private static let right: Set<String> = [
        "valid", "found", "provided", "provide", "recognized", "recognised", "authorized", "exist", "exists", "active",
        "correct", "accepted", "registered", "supplied", "set", "validate", "verify", "permission",
    ]

    /// Whether the sentence says that our key is wrong.
    var saysKeyIsWrong: Bool {
        guard says(Self.keys), !has(Self.partsOfRequests) else { return false }
        return has(Self.wrong) || has(Self.negations) && has(Self.right) || says([" unknown api", " no api"])
    }

    private static let bills = [
        "credit balance", "account balance", "insufficient balance", "insufficient credit", "insufficient fund",
        "out of credit", "enough credit", "enough balance", "enough fund", " no credits ", "credits exhausted",
        "purchase credits", "buy credits", "add credits", "more credits", "negative balance", "balance is too low",
        "balance too low", "credits are depleted", "credits depleted", "remaining credits", "out of funds",
        "balance is insufficient", "balance is not enough", "balance not enough", "top up your",
        "recharge your", "payment required", "payment method", "payment is", "overdue payment", "payment overdue",
        "in arrears", "arrearage",
        "unpaid",
        " billing ", "spend limit", "spending limit", "spending cap", "your specified api usage limits",
        "your usage limit", "monthly limit", "monthly quota", "monthly usage", "monthly spend", "trial has expired",
        "trial has ended", "organization must be verified", "account is overdue", "余额不足", "欠费",
    ]
    private static let accounts: Set<String> = [
        "organization", "organisation", "account", "workspace", "project", "tenant", "subscription", "team",
    ]
    private static let closed: Set<String> = [
        "disabled", "deactivated", "suspended", "restricted", "blocked", "banned", "terminated", "closed", "inactive",
        "locked", "frozen", "lapsed", "delinquent", "expired", "cancelled", "canceled",
    ]

    /// Whether the sentence says that our account is empty or closed.
    var saysAccountIsClosed: Bool {
        // What stands in quotation marks is the name of something else, as of a tool.
        let plain = ErrorSentence(words: words.filter { !$0.isQuoted })
        if plain.says(Self.bills) { return true }
        return words.indices.contains { index in
            guard let noun = word(index), Self.accounts.contains(noun) else { return false }
            if let before = word(index - 1), Self.closed.contains(before) || Self.partsOfRequests.contains(before) {
                return Self.closed.contains(before)
            }
            let behind = (index + 1..<index + 7).prefix { word($0) != "," }.compactMap { word($0) }
            if behind.contains(where: Self.closed.contains) { return true }
            return behind.contains("active") && behind.contains(where: Self.negations.contains)
        }
    }
}
