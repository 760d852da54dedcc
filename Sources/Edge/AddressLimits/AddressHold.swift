// A hold keeps a connection or a request counted for its client's address (`limits.per_address`) until the connection
// or the request ends.
internal import Configuration
internal import HTTP
internal import Synchronization
internal import Transport

/// Keeps a connection or a request counted for its client's address in an `AddressTable`.
///
/// The function `end` subtracts the connection or the request from the counts. `deinit` calls `end`, so that nothing
/// stays counted if no other code has called `end`. The object moves from thread to thread together with the socket,
/// and only one thread uses it at a time.
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

    /// Subtracts the connection's TLS handshake, which has ended, from the counts of the client's address.
    ///
    /// A second call does nothing.
    package func handshakeEnded() {
        guard isHandshake.exchange(false, ordering: .relaxed) else { return }
        table.release(AddressHoldings(handshakes: 1), at: places)
    }

    /// Adds the bytes of a request's body to the counts of the client's address, in steps of 64 KiB.
    ///
    /// - Parameter bytes: how many bytes of the body have arrived so far, all together.
    func growBody(to bytes: Int, limits: AddressLimits, at now: Nanoseconds) throws(AddressRefusal) {
        let counted = bodyBytes.load(ordering: .relaxed)
        guard bytes > counted else { return }
        let wanted = (bytes + Self.bodyStep - 1) / Self.bodyStep * Self.bodyStep
        try table.grow(.body(wanted - counted), at: places, limits: limits, now: now)
        bodyBytes.store(wanted, ordering: .relaxed)
    }

    /// Subtracts the bytes of the request's body from the counts of the client's address.
    func releaseBody() {
        let counted = bodyBytes.exchange(0, ordering: .relaxed)
        if counted > 0 { table.release(AddressHoldings(bodyBytes: counted), at: places) }
    }

    /// Subtracts all that the connection or request still adds to the counts of the client's address.
    ///
    /// A second call does nothing.
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
