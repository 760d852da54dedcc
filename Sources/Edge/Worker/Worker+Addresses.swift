// What a worker does for the limits per client address: it counts connections, and warns the operator of refusals.
internal import Configuration
package import HTTP
internal import Transport

extension Worker {
    /// Counts a new connection against the limits of its peer's address.
    ///
    /// A connection of a trusted peer is not counted here. Either the peer is exempt from limits, or it names its
    /// client in a PROXY header, and `clientIdentified` counts the connection against that client.
    ///
    /// - Parameter plan: the listener of the connection; nil if this worker does not know it.
    /// - Returns: nil if the connection is not counted.
    func holdConnection(from peer: SocketAddress, at plan: ListenerPlan?) throws(AddressRefusal) -> AddressHold? {
        let limits = snapshot.addressLimits
        guard limits.countsConnections, let plan, !plan.settings.access.trusts(peer) else { return nil }
        let claim = AddressClaim.connection(isSecure: plan.isSecure)
        return try process.addresses.hold(claim, for: peer, limits: limits, at: loop.now)
    }

    /// Counts a connection against the limits of the client that its PROXY header names.
    ///
    /// - Returns: false if a limit refuses the connection, which must then be closed.
    package func clientIdentified(on connection: ServerConnection) -> Bool {
        let limits = snapshot.addressLimits
        guard limits.countsConnections else { return true }
        do throws(AddressRefusal) {
            let claim = AddressClaim.connection(isSecure: connection.isSecure)
            let address = connection.client.address
            connection.hold = try process.addresses.hold(claim, for: address, limits: limits, at: loop.now)
            return true
        } catch {
            addressRefused(error)
            return false
        }
    }

    /// Whether a client at this address has lately sent a valid API key, or was served by an executor.
    package func isKnown(_ client: Client) -> Bool { process.addresses.isKnown(client.address, at: loop.now) }

    /// Closes an accepted socket that a limit per address refuses.
    func refuse(_ socket: Socket, _ refusal: AddressRefusal) {
        addressRefused(refusal)
        socket.reset()
        process.connectionEnded()
    }

    /// Warns that new requests of a client are refused for a while, because it has abandoned too many requests before
    /// their answers began (`limits.prefill_resets`).
    func resetsRefused(of client: String, most: Int) {
        process.warn(
            .prefillResets,
            "\(client) gave up \(most) requests or more in a minute before their answers began: "
                + "limits.prefill_resets is reached, and its requests are refused for a while"
        )
    }

    /// Counts a refusal by `limits.per_address`, and warns of it at most once a minute for each address and limit.
    func addressRefused(_ refusal: AddressRefusal) {
        metrics.addressRefused(refusal.limit)
        guard refusal.isNews else { return }
        let limit = "limits.per_address.\(refusal.limit.rawValue)"
        process.warn(
            .address(refusal.limit),
            "\(refusal.group) has too many \(refusal.limit.what): \(limit) is reached"
        )
    }
}
