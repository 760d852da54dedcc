// The sender of a request: the models and limits of its API key, and what the request uses of these limits.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// The sender of one request: the tenant and the models of its key, and what the request uses of the key's limits.
///
/// The exchange that serves the request must call `ended` at its end. Until then, the request counts as concurrent
/// (`begin`), and tokens are reserved for it (`reserve`).
struct Caller {
    /// The tenant that the key belongs to, or `anonymous` if there is no key.
    ///
    /// Waiting requests are served fairly between tenants. The log and the metrics name the tenant.
    let tenant: String
    /// The public name of the key; nil for a caller without a key.
    let keyID: String?
    /// The ids or aliases of the models that the key allows; nil if it allows all models.
    private let models: [String]?
    private let limits: KeyLimits
    private let priority: PriorityRule
    private let quota: any Quota
    /// Whether `quota` counts the request as one of the caller's concurrent requests.
    private var isRunning = false
    /// How many tokens are reserved for the request; nil if none are.
    private var reserved: Int?

    /// The caller with this key.
    init(_ entry: KeyRing.Entry) { self.init(entry.key, quota: entry.use) }

    /// The caller without a key.
    init(anonymousOf access: Authenticator) {
        tenant = Authenticator.anonymous
        keyID = nil
        models = nil
        limits = access.anonymousLimits
        priority = access.anonymousPriority
        quota = access.anonymousUse
    }

    /// The caller with this key, whose use is counted by `quota`.
    init(_ key: AccessKey, quota: any Quota) {
        tenant = key.tenant
        keyID = key.id
        models = key.models
        limits = key.limits
        priority = key.priority
        self.quota = quota
    }

    /// Whether the key allows the model, by its id or by one of its aliases.
    ///
    /// A key that lists its models allows only models of the configuration, and not those that an engine reports
    /// itself. Otherwise, an engine could extend what the key allows.
    func mayUse(_ model: Model) -> Bool {
        guard let models else { return true }
        guard !model.isDiscovered else { return false }
        return models.contains { name in
            name.hasBytes(of: model.id) || model.aliases.contains { name.hasBytes(of: $0) }
        }
    }

    // MARK: Priority

    /// The priority class of a request: the field `x-freeinference-priority` names it, otherwise it is the caller's
    /// usual class.
    ///
    /// - Returns: The class, or a failure if the field's value is no class or a class that the caller may not choose.
    func priority(of fields: FieldBlock) -> Result<PriorityClass, Failure> {
        guard let first = fields.first(.freeInferencePriority) else { return .success(priority.usual) }
        let asked = PriorityClass(rawValue: String(decoding: first, as: UTF8.self))
        guard let asked, fields.occurrences(of: .freeInferencePriority) == 1 else {
            let names = PriorityClass.allCases.map(\.rawValue).joined(separator: ", ")
            return .failure(Failure(.invalidRequest, "'x-freeinference-priority' must be one of \(names)."))
        }
        guard priority.allows(asked) else {
            let who = keyID == nil ? "Callers without an API key" : "This API key"
            return .failure(Failure(.forbidden, "\(who) may not choose the priority '\(asked.rawValue)'."))
        }
        return .success(asked)
    }

    /// The subject and the verb of a sentence that states a limit, in a message to the client.
    private var whose: String { keyID == nil ? "callers without an API key together have" : "this API key has" }

    // MARK: Limits

    /// Counts the request against the key's limits on concurrent requests and on requests per minute.
    ///
    /// - Returns: The refusal; nil if neither limit is exceeded.
    mutating func begin(at now: Nanoseconds) -> Failure? {
        let denial = quota.begin(limits, at: now)
        isRunning = denial == nil
        return denial.map { Failure($0, limits, whose: whose) }
    }

    /// Reserves the largest number of tokens that the request may use.
    ///
    /// - Parameters:
    ///   - promptBytes: The estimated size of the prompt in bytes of text.
    ///   - answerTokensMax: The limit that the request itself sets on the tokens of its answer; 0 if it sets none.
    /// - Returns: The refusal; nil if the tokens were reserved, or if the caller has no limit on tokens.
    mutating func reserve(promptBytes: Int, answerTokensMax: Int, at now: Nanoseconds) -> Failure? {
        let promptTokens = (promptBytes + Usage.bytesPerToken - 1) / Usage.bytesPerToken
        let tokens = promptTokens + min(max(0, answerTokensMax), Self.answerTokensMost)
        if let denial = quota.reserve(tokens, limits, at: now) {
            guard denial == .tokens(wait: .max), let most = limits.tokensPerMinute else {
                return Failure(denial, limits, whose: whose)
            }
            return Failure(neverFits: promptTokens, answerTokens: tokens - promptTokens, limit: most, whose: whose)
        }
        if limits.tokensPerMinute != nil { reserved = tokens }
        return nil
    }
    /// The largest number of answer tokens that is reserved for a request; larger numbers could overflow sums.
    private static let answerTokensMost = 1 << 40

    /// Reports the end of the request to the caller's quota.
    ///
    /// The request no longer counts as concurrent, and the tokens that it used count instead of the reserved tokens.
    ///
    /// Further calls have no effect.
    mutating func ended(used: Int, at now: Nanoseconds) {
        if let reserved { quota.settle(reserved: reserved, used: used, limits, at: now) }
        reserved = nil
        if isRunning { quota.ended() }
        isRunning = false
    }

    /// How many requests in a minute the client may cancel before their answers begin; nil if the key sets no such
    /// limit.
    var prefillResetsMax: Int? { limits.prefillResets }

    /// Counts a request that the client cancelled before its answer began.
    ///
    /// - Returns: true if the caller's requests are refused from now on and the operator must be warned of it.
    func countReset(of most: Int, at now: Nanoseconds) -> Bool { quota.countReset(of: most, at: now) }

    /// How long the caller's requests are still refused, because the client cancelled too many requests.
    ///
    /// The result is in nanoseconds, and 0 if the requests are not refused.
    func resetWait(at now: Nanoseconds) -> Nanoseconds { quota.resetWait(at: now) }

    // MARK: What the client sees

    /// Adds the `x-ratelimit-*` fields of OpenAI's API, for the limits on requests and tokens that the caller has.
    func appendRates(to fields: inout FieldBlock, at now: Nanoseconds) {
        if let rate = quota.requestRate(limits, at: now) {
            fields.append(.requestsLimit, rate.limit)
            fields.append(.requestsRemaining, rate.remaining)
            fields.append(.requestsReset, Self.text(rate.reset))
        }
        if let rate = quota.tokenRate(limits, at: now) {
            fields.append(.tokensLimit, rate.limit)
            fields.append(.tokensRemaining, rate.remaining)
            fields.append(.tokensReset, Self.text(rate.reset))
        }
    }

    /// A duration in OpenAI's notation, rounded up: `20ms`, `6s`, `1m30s`.
    static func text(_ duration: Nanoseconds) -> String {
        let milliseconds = (duration + 999_999) / 1_000_000
        if milliseconds < 1000 { return String(milliseconds) + "ms" }
        let seconds = (milliseconds + 999) / 1000
        if seconds < 60 { return String(seconds) + "s" }
        return String(seconds / 60) + "m" + String(seconds % 60) + "s"
    }
}

extension Failure {
    /// The failure of a request that a limit of the caller forbids.
    fileprivate init(_ denial: QuotaDenial, _ limits: KeyLimits, whose: String) {
        switch denial {
        case .concurrency:
            let text = limits.concurrency.map { "Too many requests at once: \(whose) at most \($0)." }
            self.init(.concurrencyLimited, text, retryAfter: 1)
        case .requests(let wait):
            let text = limits.requestsPerMinute.map { "Rate limit reached: \(whose) \($0) requests a minute." }
            self.init(.rateLimited, text, retryAfter: Self.seconds(wait))
        case .tokens(let wait):
            let text = limits.tokensPerMinute.map { "Rate limit reached: \(whose) \($0) tokens a minute." }
            self.init(.rateLimited, text, retryAfter: Self.seconds(wait))
        }
    }

    /// The failure of a request that needs more tokens than the key may use in a minute, so that no retry can help.
    fileprivate init(neverFits promptTokens: Int, answerTokens: Int, limit: Int, whose: String) {
        self.init(
            .exceedsLimit,
            "This request can never be served: \(whose) \(limit) tokens a minute: its prompt counts "
                + "\(promptTokens), and its limit on the answer \(answerTokens). Make one of them smaller."
        )
    }

    /// The wait in seconds, rounded up; nil if no wait would help.
    private static func seconds(_ wait: Nanoseconds) -> Int? {
        wait == .max ? nil : wait.secondsRoundedUp
    }
}
