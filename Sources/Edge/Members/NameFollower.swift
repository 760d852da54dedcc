// Follows host names that stand for several engines, one at each address (`resolve: all` and `resolve: srv`).
internal import Transport

/// Resolves host names that stand for several engines, and resolves them again whenever an answer expires.
///
/// Confined to the control thread.
final class NameFollower {
    private let resolver: NameResolver
    private var lists: [NameLookup: AddressList] = [:]
    /// The addresses that were known at the start, such as those that the predecessor process found.
    ///
    /// These addresses are used until the first answer for their name.
    private let known: [NameLookup: [WeightedAddress]]
    /// How many times `adopt` has been called.
    private var adoptions = 0
    /// Called when the addresses of a host name have changed.
    var changed: () -> Void = {}
    /// Whether the first DNS query for each host name has ended: with addresses, with an error, or at its time limit.
    private(set) var isSettled = true

    /// - Parameter known: the addresses that are known already, such as those that the predecessor process found.
    init(loop: EventLoop, known: [NameLookup: [WeightedAddress]] = [:]) {
        self.known = known
        resolver = NameResolver(loop: loop, books: []) { OperatorLog.say($0, .warning) }
    }

    /// The last known addresses of each host name, without host names that have never had an address.
    var addresses: [NameLookup: [WeightedAddress]] {
        lists.mapValues(\.addresses).filter { !$0.value.isEmpty }
    }

    /// Follows only these host names from now on; host names that are followed already keep their addresses.
    ///
    /// - Parameter settled: called when `isSettled` becomes true, possibly before this function returns. It is not
    ///   called if `adopt` is called again before that.
    func adopt(_ lookups: [NameLookup], settled: @escaping () -> Void) {
        var kept: [NameLookup: AddressList] = [:]
        for lookup in lookups {
            let known = known[lookup] ?? []
            kept[lookup] = lists[lookup] ?? AddressList(lookup, addresses: known) { [unowned self] in changed() }
        }
        lists = kept
        adoptions += 1
        isSettled = false
        resolver.adopt([], Array(kept.values))
        resolver.start(timeout: StartChecks.namesTimeout) { [unowned self, adoptions] in
            // The resolver also calls the closures of earlier calls of `adopt`. A closure from an earlier call does
            // nothing.
            guard adoptions == self.adoptions else { return }
            isSettled = true
            settled()
        }
    }

    /// Stops all DNS queries, and forgets the addresses.
    func stop() {
        resolver.stop()
        lists = [:]
    }
}
