// Recognizes sentences in an engine's error which say that the edge's own API key is wrong, or that the edge's account
// at the provider is empty or closed.

extension ErrorSentence {
    /// Phrases for a credential, such as an API key; a sentence about a wrong key contains one of them.
    private static let keys = [
        " api key", " api_key", " apikey", " api-key", "-api-key ", " api token", " access token", " auth token",
        " authentication token", " bearer token", " access key", " subscription key", " authorization header",
        " credentials ",
    ]
    /// Words for parts of a request.
    ///
    /// If a sentence contains one of these words, it is about a part of the client's request and not about the edge's
    /// API key.
    private static let partsOfRequests: Set<String> = [
        "parameter", "parameters", "argument", "arguments", "field", "fields", "property", "properties", "mcp", "tool",
        "tools", "url", "image", "file", "inputs",
    ]
    /// Words which say, in a sentence about an API key, that the key is wrong.
    private static let wrong: Set<String> = [
        "invalid", "incorrect", "expired", "missing", "revoked", "disabled", "deleted", "leaked", "wrong", "malformed",
        "inactive", "unauthorized", "rejected", "required", "suspended", "blocked", "deactivated",
    ]
    /// Words which say that an API key is right; after a word such as "not", they say that the key is wrong.
    private static let right: Set<String> = [
        "valid", "found", "provided", "provide", "recognized", "recognised", "authorized", "exist", "exists", "active",
        "correct", "accepted", "registered", "supplied", "set", "validate", "verify", "permission",
    ]

    /// Whether the sentence says that the API key which the edge has sent is wrong.
    var saysKeyIsWrong: Bool {
        guard says(Self.keys), !has(Self.partsOfRequests) else { return false }
        return has(Self.wrong) || has(Self.negations) && has(Self.right) || says([" unknown api", " no api"])
    }

    /// Phrases which say that a bill is not paid, or that a budget is used up.
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
    /// Nouns that providers use for an account, or for a part of one.
    private static let accounts: Set<String> = [
        "organization", "organisation", "account", "workspace", "project", "tenant", "subscription", "team",
    ]
    /// Words which say, near one of the nouns in `accounts`, that an account cannot be used.
    private static let closed: Set<String> = [
        "disabled", "deactivated", "suspended", "restricted", "blocked", "banned", "terminated", "closed", "inactive",
        "locked", "frozen", "lapsed", "delinquent", "expired", "cancelled", "canceled",
    ]

    /// Whether the sentence says that the edge's account at the provider is empty or closed.
    var saysAccountIsClosed: Bool {
        // A word in quotation marks is a name, for example of a tool, so it says nothing about an account.
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
