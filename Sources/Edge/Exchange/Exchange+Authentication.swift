// The phases authenticate and authorize of an exchange: who asks, whether they may, and what of their limits it takes.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Exchange {
    /// By the header alone, before anything of the body is read; nil when it may go on.
    func authenticate(_ head: RequestHead) -> Failure? {
        let access = environment.access
        switch access.identify(head.fields, hasher: environment.keyHasher, at: Clock.wallTime().seconds) {
        case .nobody(let refusal): return unauthorized(refusal)
        case .anonymous: caller = Caller(anonymousOf: access)
        case .key(let entry):
            caller = Caller(entry)
            record.key = entry.key.id
            record.tenant = entry.key.tenant
            if entry.key.role == .observer { return Failure(.forbidden) }
        }
        if let caller { record.tenant = caller.tenant }
        return caller?.begin(at: now)
    }

    /// For what the edge answers itself: a key need not be given, but one that is given must be good.
    ///
    /// So that whoever tries a key at the list of models is not led to believe that it works.
    func authenticateLookup(_ head: RequestHead) -> Failure? {
        let access = environment.access
        guard KeyAccess.givenKey(in: head.fields) != nil else { return nil }
        switch access.identify(head.fields, hasher: environment.keyHasher, at: Clock.wallTime().seconds) {
        case .nobody(let refusal): return unauthorized(refusal)
        case .anonymous: return nil
        case .key(let entry):
            caller = Caller(entry)
            record.key = entry.key.id
            record.tenant = entry.key.tenant
            return nil
        }
    }

    /// The client hears no more than that; the log says why.
    private func unauthorized(_ refusal: KeyRefusal) -> Failure {
        record.isUnauthenticated = true
        record.key = refusal.keyID
        var failure = Failure(.unauthorized)
        failure.detail = refusal.detail
        return failure
    }

    func mayUse(_ model: Model) -> Bool { caller?.mayUse(model) ?? true }

    /// Of the rate of tokens: what the request may come to; to count tokens is to use none.
    func reserveTokens(_ found: RequestScan) -> Failure? {
        guard !dialect.onlyCounts else { return nil }
        return caller?.reserve(
            promptBytes: record.promptBytes,
            answerTokensMax: found.answerTokensMax ?? 0,
            at: now
        )
    }

    /// Gives back the place, and settles what was reserved by what the exchange's line in the log says.
    func settleCaller(_ usage: Usage?) {
        guard caller != nil else { return }
        var used = usage.map { $0.input + $0.output } ?? 0
        // An attempt that failed before it had said anything costs nothing.
        if let usage, usage.isInputEstimated, usage.output == 0, record.status >= 400 { used = 0 }
        caller?.ended(used: used, at: now)
        caller = nil
    }

    func appendRates(to fields: inout FieldBlock) { caller?.appendRates(to: &fields, at: now) }

    /// RFC 9110 section 11.6.1: a 401 says how one identifies oneself.
    func appendChallenge(_ failure: Failure, to fields: inout FieldBlock) {
        if failure.kind == .unauthorized { fields.append(name: "www-authenticate", value: "Bearer") }
    }
}
