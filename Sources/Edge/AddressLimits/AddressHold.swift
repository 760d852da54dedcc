// The hold of one connection or request: it gives back its counts for `limits.per_address` when it ends.
internal import Configuration
internal import HTTP
internal import Synchronization
internal import Transport

/// The single owner of what one connection or one request has been granted by an `AddressTable`.
///
/// `end` gives everything back, and `deinit` calls `end`. So no count is left behind, whichever way the connection or
/// the request ends. The hold moves from thread to thread together with the socket, and only one thread uses it at a
/// time.
package final class AddressHold: Sendable, ConnectionHold {
    /// The steps in which bytes of a request body are counted: 64 KiB.
    private static let bodyStep = 64 << 10

    private let table: AddressTable
    private let places: AddressPlaces
    private let claim: AddressClaim
    private let isHandshake: Atomic<Bool>
    private let bodyBytes = Atomic<Int>(0)
    private let isHeld = Atomic<Bool>(true)

    init(table: AddressTable, claim: AddressClaim, places: AddressPlaces) {
        self.table = table
        self.claim = claim
        self.places = places
        isHandshake = Atomic(claim == .connection(isSecure: true))
    }

    deinit { end() }

    /// Counts the TLS handshake of a connection as ended; a second call does nothing.
    package func handshakeEnded() {
        guard isHandshake.exchange(false, ordering: .relaxed) else { return }
        table.release(AddressHoldings(handshakes: 1), at: places)
    }

    /// Counts the bytes of a request's body, in steps of 64 KiB.
    ///
    /// - Parameter bytes: all bytes of the body so far.
    func growBody(to bytes: Int, limits: AddressLimits, at now: Nanoseconds) throws(AddressRefusal) {
        let counted = bodyBytes.load(ordering: .relaxed)
        guard bytes > counted else { return }
        let wanted = (bytes + Self.bodyStep - 1) / Self.bodyStep * Self.bodyStep
        try table.grow(.body(wanted - counted), at: places, limits: limits, now: now)
        bodyBytes.store(wanted, ordering: .relaxed)
    }

    /// Gives back the bytes of a request's body.
    func releaseBody() {
        let counted = bodyBytes.exchange(0, ordering: .relaxed)
        if counted > 0 { table.release(AddressHoldings(bodyBytes: counted), at: places) }
    }

    /// Gives back everything; a second call does nothing.
    package func end() {
        guard isHeld.exchange(false, ordering: .relaxed) else { return }
        var all = AddressHoldings(bodyBytes: bodyBytes.exchange(0, ordering: .relaxed))
        switch claim {
        case .connection:
            let isShakingHands = isHandshake.exchange(false, ordering: .relaxed)
            all += AddressHoldings(.connection(isSecure: isShakingHands))
        case .request: all += AddressHoldings(.request)
        case .body, .unknownKey: break
        }
        table.release(all, at: places)
    }
}
