// How `limits.per_address` applies to requests: to their number, to their bodies, and to requests without a valid key.
internal import Configuration
internal import HTTP
internal import Inference
internal import Transport

extension Exchange {
    /// Counts the request against the limits of its client's address.
    ///
    /// Call this function only if there are such limits (`Snapshot.limitsRequests`).
    ///
    /// - Returns: The refusal; nil if the request may go on.
    func holdAddress() -> Failure? {
        guard !stream.client.isTrustedPeer else { return nil }
        return refusal { () throws(AddressRefusal) in
            memory.addressHold = try environment.addresses.hold(
                .request,
                for: stream.client.address,
                limits: snapshot.addressLimits,
                at: now
            )
        }
    }

    /// Counts the buffered bytes of the request body against the limits of the client's address.
    ///
    /// - Parameter bytes: How many bytes of the body have arrived, or the size of the decoded body if that is larger.
    /// - Returns: The refusal; nil if the request may go on.
    func growAddressBody(to bytes: Int) -> Failure? {
        guard let hold = memory.addressHold, snapshot.addressLimits.bodyBytes != nil else { return nil }
        return refusal { () throws(AddressRefusal) in
            try hold.growBody(to: bytes, limits: snapshot.addressLimits, at: now)
        }
    }

    /// Counts a request without a valid key against the limits of the client's address.
    ///
    /// - Returns: The refusal that takes the place of the status 401; nil if the limit is not reached.
    func countUnknownKey() -> Failure? {
        let limits = snapshot.addressLimits
        guard limits.unknownKeys != nil, !stream.client.isTrustedPeer else { return nil }
        return refusal { () throws(AddressRefusal) in
            try environment.addresses.countUnknownKey(of: stream.client.address, limits: limits, at: now)
        }
    }

    /// Calls `claim`, a closure that counts the request or its body against the limits of the client's address.
    ///
    /// - Returns: The refusal; nil if no limit is exceeded.
    private func refusal(of claim: () throws(AddressRefusal) -> Void) -> Failure? {
        do throws(AddressRefusal) {
            try claim()
            return nil
        } catch {
            return refused(error)
        }
    }

    private func refused(_ refusal: AddressRefusal) -> Failure {
        environment.addressRefused(refusal)
        stream.countRefusal()
        let what = refusal.limit.what
        var failure = Failure(
            .addressLimited,
            "There are too many \(what) from your address. Try again later.",
            retryAfter: max(1, refusal.wait.secondsRoundedUp)
        )
        failure.detail = "limits.per_address.\(refusal.limit.rawValue)"
        return failure
    }
}
