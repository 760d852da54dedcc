// Authenticates the caller of an exchange, and applies the limits and the list of models of the caller's key. The steps
// in `Exchange+Request` use these functions.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Exchange {
    /// Checks the API key of a request for the list of models: no key is required, but if there is one, it must be
    /// valid.
    ///
    /// If a wrong key were accepted here, a client that tests its key with this list would conclude that the key works.
    ///
    /// - Returns: The refusal; nil if the request may go on.
    func authenticateLookup(_ head: RequestHead) -> Failure? {
        let access = environment.access
        guard Authenticator.givenKey(in: head.fields) != nil else { return nil }
        switch access.identify(head.fields, hasher: environment.keyHasher, at: Clock.wallTime().seconds) {
        case .refused(let refusal): return unauthorized(refusal)
        case .anonymous: return nil
        case .key(let entry):
            caller = Caller(entry)
            record.key = entry.key.id
            record.tenant = entry.key.tenant
            return nil
        }
    }

    /// Makes the failure with status 401, or another failure if too many requests without a valid key have come from
    /// the client's address.
    ///
    /// The reason for the 401 is written to the log, and is not sent to the client.
    func unauthorized(_ refusal: KeyRefusal) -> Failure {
        record.isUnauthenticated = true
        record.key = refusal.keyID
        if refusal.isGuess, let failure = countUnknownKey() { return failure }
        var failure = Failure(.unauthorized)
        failure.detail = refusal.detail
        return failure
    }

    /// Sets the priority class of the request, on which its position in a queue depends.
    ///
    /// - Returns: The refusal; nil if the request may go on.
    func choosePriority(_ fields: FieldBlock) -> Failure? {
        switch caller?.priority(of: fields) {
        case .success(let priority): record.priority = priority
        case .failure(let failure): return failure
        case nil: break
        }
        return nil
    }

    /// Whether the caller may use this model; true for a caller without a key.
    func mayUse(_ model: Model) -> Bool { caller?.mayUse(model) ?? true }

    /// Updates the counts by which the caller's limits are checked, because the request has ended.
    ///
    /// The request no longer counts as concurrent, and the tokens that it used replace the reserved tokens.
    ///
    /// - Parameter usage: The tokens that the exchange has used; nil if it cannot have used any.
    func settleCaller(_ usage: Usage?) {
        guard caller != nil else { return }
        var used = usage.map { $0.input + $0.output } ?? 0
        // A request that failed before any output costs the caller no tokens, unless the executor has reported how many
        // tokens the prompt has.
        if let usage, usage.isInputEstimated, usage.output == 0, record.status >= 400 { used = 0 }
        caller?.ended(used: used, at: now)
        caller = nil
    }

    /// Adds the `x-ratelimit-*` fields for the limits that the caller has; a caller without limits gets none.
    func appendRates(to fields: inout FieldBlock) { caller?.appendRates(to: &fields, at: now) }

    /// Adds `www-authenticate` to a 401, as RFC 9110 section 11.6.1 requires.
    func appendChallenge(_ failure: Failure, to fields: inout FieldBlock) {
        if failure.kind == .unauthorized { fields.append(name: "www-authenticate", value: "Bearer") }
    }
}
