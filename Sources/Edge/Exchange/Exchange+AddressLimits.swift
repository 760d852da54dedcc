// How `limits.per_address` applies to requests: to their number, to their bodies, and to requests without a valid key.
internal import Configuration
internal import HTTP
internal import Inference
internal import Transport

extension Exchange {
    /// Counts the request against the limits of its client's address.
    ///
    /// The caller has made sure that there are such limits (`Snapshot.limitsRequests`).
    ///
    /// - Returns: The refusal; nil if the request may go on.
    func holdAddress() -> Failure? {
        guard !stream.client.isTrustedPeer else { return nil }
        let limits = snapshot.addressLimits
        do throws(AddressRefusal) {
            memory.addressHold = try environment.addresses.hold(
                .request,
                for: stream.client.address,
                limits: limits,
                at: now
            )
            return nil
        } catch {
            return refused(error)
        }
    }

    /// Counts the bytes of the body that are held against the limits of the client's address.
    ///
    /// - Parameter bytes: How many bytes of the body have arrived, or the size of the decoded body if that is larger.
    /// - Returns: The refusal; nil if the request may go on.
    func growAddressBody(to bytes: Int) -> Failure? {
        guard let hold = memory.addressHold, snapshot.addressLimits.bodyBytes != nil else { return nil }
        do throws(AddressRefusal) {
            try hold.growBody(to: bytes, limits: snapshot.addressLimits, at: now)
            return nil
        } catch {
            return refused(error)
        }
    }

    /// Counts a request without a valid key against the limits of the client's address.
    ///
    /// - Returns: The refusal that takes the place of the status 401; nil if the limit is not reached.
    func countUnknownKey() -> Failure? {
        let limits = snapshot.addressLimits
        guard limits.unknownKeys != nil, !stream.client.isTrustedPeer else { return nil }
        do throws(AddressRefusal) {
            try environment.addresses.countUnknownKey(of: stream.client.address, limits: limits, at: now)
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
            retryAfter: Int((refusal.wait + 999_999_999) / 1_000_000_000)
        )
        failure.retryAfter = max(1, failure.retryAfter ?? 1)
        failure.detail = "limits.per_address.\(refusal.limit.rawValue)"
        return failure
    }
}
