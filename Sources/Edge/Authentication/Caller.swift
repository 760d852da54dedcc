// Who an exchange is for, what of their limits it holds, and what a client hears of these limits.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// Confined to its exchange, which calls `ended` once: that gives back what `begin` and `reserve` took.
struct Caller {
    let tenant: String
    /// The public name of the key; nil for those without.
    let keyID: String?
    private let models: [String]?
    private let limits: KeyLimits
    private let quota: any Quota
    private var isRunning = false
    private var reserved: Int?

    init(_ entry: KeyRing.Entry) { self.init(entry.key, quota: entry.use) }

    init(anonymousOf access: KeyAccess) {
        tenant = KeyAccess.anonymous
        keyID = nil
        models = nil
        limits = access.anonymousLimits
        quota = access.anonymousUse
    }

    /// A caller whose use another quota counts than its key's own.
    init(_ key: AccessKey, quota: any Quota) {
        tenant = key.tenant
        keyID = key.id
        models = key.models
        limits = key.limits
        self.quota = quota
    }

    func mayUse(_ model: Model) -> Bool {
        guard let models else { return true }
        return models.contains { name in
            name.hasBytes(of: model.id) || model.aliases.contains { name.hasBytes(of: $0) }
        }
    }

    /// Whose limits a client is told of.
    private var whose: String { keyID == nil ? "callers without an API key together have" : "this API key has" }

    // MARK: Limits

    /// Takes a place among the exchanges at once, and a request of the rate.
    mutating func begin(at now: Nanoseconds) -> Failure? {
        let denial = quota.begin(limits, at: now)
        isRunning = denial == nil
        return denial.map { Failure($0, limits, whose: whose) }
    }

    /// Reserves tokens for a request: a quarter of its bytes, and the most that it lets an executor answer with.
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
    /// So that sums do not overflow, whatever a body asks for.
    private static let answerTokensMost = 1 << 40

    /// The exchange is over, and has used so many tokens.
    mutating func ended(used: Int, at now: Nanoseconds) {
        if let reserved { quota.settle(reserved: reserved, used: used, limits, at: now) }
        reserved = nil
        if isRunning { quota.ended() }
        isRunning = false
    }

    // MARK: What the client sees

    /// OpenAI's fields, for the rates that there are.
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

    /// As OpenAI writes durations: `20ms`, `6s`, `1m30s`.
    static func text(_ duration: Nanoseconds) -> String {
        let milliseconds = (duration + 999_999) / 1_000_000
        if milliseconds < 1000 { return String(milliseconds) + "ms" }
        let seconds = (milliseconds + 999) / 1000
        if seconds < 60 { return String(seconds) + "s" }
        return String(seconds / 60) + "m" + String(seconds % 60) + "s"
    }
}

extension Failure {
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

    /// No wait would help: the client is not to come again with it.
    fileprivate init(neverFits promptTokens: Int, answerTokens: Int, limit: Int, whose: String) {
        self.init(
            .exceedsLimit,
            "This request can never be served: \(whose) \(limit) tokens a minute: its prompt counts "
                + "\(promptTokens), and its limit on the answer \(answerTokens). Make one of them smaller."
        )
    }

    /// Whole seconds to wait, at least one; nil where no wait would help.
    private static func seconds(_ wait: Nanoseconds) -> Int? {
        wait == .max ? nil : Int((wait + 999_999_999) / 1_000_000_000)
    }
}
