// Limits how often a client may cancel a request that has been sent to an executor and has no answer yet
// (`limits.prefill_resets`). For each such request, the executor has worked on a prompt for nothing.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Exchange {
    /// Counts a request that its client has cancelled while an executor was working on the prompt.
    ///
    /// A request with an API key is counted for the key. A request without a key is counted for the client's address,
    /// unless that is the address of a trusted peer (a proxy) itself.
    func countPrefillReset(_ end: ClientEnd) {
        guard let attempt, attempt.phase == .waiting, attempt.hasRequest, end.isOfClient, let most = prefillResetsMax
        else { return }
        environment.metrics.prefillReset()
        if let caller, let key = caller.keyID {
            if caller.countReset(of: most, at: now) { environment.resetsRefused(of: "the key \(key)", most: most) }
        } else if !stream.client.isTrustedPeer {
            let group = environment.addresses.countReset(of: stream.client.address, most: most, at: now)
            if let group { environment.resetsRefused(of: "\(group)", most: most) }
        }
    }

    /// How many requests a minute the client may cancel before their answer begins; nil if there is no limit.
    ///
    /// The key's own limit takes precedence over the limit of the configuration.
    private var prefillResetsMax: Int? { caller?.prefillResetsMax ?? snapshot.limits.prefillResetsMax }

    /// The refusal of a request whose client has cancelled too many earlier requests; nil if the request may go on.
    func resetRefusal() -> Failure? {
        guard prefillResetsMax != nil else { return nil }
        let wait: Nanoseconds
        if let caller, caller.keyID != nil {
            wait = caller.resetWait(at: now)
        } else {
            if stream.client.isTrustedPeer { return nil }
            wait = environment.addresses.resetWait(of: stream.client.address, at: now)
            if wait > 0 { stream.countRefusal() }
        }
        guard wait > 0 else { return nil }
        var failure = Failure(.resetLimit, retryAfter: wait.secondsRoundedUp)
        failure.detail = caller?.prefillResetsMax == nil ? "limits.prefill_resets" : "prefill_resets of the key"
        return failure
    }
}

extension ClientEnd {
    /// Whether the client has ended its stream or its connection, or has made the server end them by breaking the
    /// protocol.
    fileprivate var isOfClient: Bool {
        switch self {
        case .reset, .closed, .violation: true
        case .edge: false
        }
    }
}
