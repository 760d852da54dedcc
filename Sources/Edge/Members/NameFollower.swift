// Follows the host names whose addresses are separate executors.
internal import Transport

/// Resolves the names of `resolve: all` and `resolve: srv` again and again; confined to the control thread.
final class NameFollower {
    private let resolver: NameResolver
    private var lists: [NameLookup: AddressList] = [:]
    /// How often `adopt` has been called.
    private var adoptions = 0
    /// Called when the addresses of a name have changed.
    var changed: () -> Void = {}
    /// Whether each name has been answered, with addresses or with an error, or has taken too long.
    private(set) var isSettled = true

    init(loop: EventLoop) {
        resolver = NameResolver(loop: loop, books: []) { OperatorLog.say($0, .warning) }
    }

    /// The last known addresses of each name; no entry for a name that has never been resolved.
    var addresses: [NameLookup: [WeightedAddress]] {
        lists.mapValues(\.addresses).filter { !$0.value.isEmpty }
    }

    /// Follows these names from now on, and no others; those that it has been following go on.
    ///
    /// - Parameter settled: called once `isSettled` is true, unless `adopt` is called again before; possibly before this
    ///   function returns.
    func adopt(_ lookups: [NameLookup], settled: @escaping () -> Void) {
        var kept: [NameLookup: AddressList] = [:]
        for lookup in lookups { kept[lookup] = lists[lookup] ?? AddressList(lookup) { [unowned self] in changed() } }
        lists = kept
        adoptions += 1
        isSettled = false
        resolver.adopt([], Array(kept.values))
        resolver.start(timeout: StartChecks.namesTimeout) { [unowned self, adoptions] in
            // The resolver also ends the wait of an earlier call.
            guard adoptions == self.adoptions else { return }
            isSettled = true
            settled()
        }
    }

    /// Cancels all DNS queries.
    func stop() {
        resolver.stop()
        lists = [:]
    }
}
