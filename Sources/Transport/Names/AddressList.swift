// The addresses of a host name whose addresses are separate executors; a `NameResolver` keeps the list up to date.

/// The addresses of a name in a steady order, so that a new order of the answer is no change.
///
/// Confined to the control thread.
package final class AddressList {
    /// The maximum number of addresses; further ones are left out.
    package static let addressesMax = 256

    /// The DNS query that the addresses answer.
    package let lookup: NameLookup
    /// The addresses of the last answer that was not empty, sorted; empty before the first answer.
    package private(set) var addresses: [WeightedAddress] = []
    /// How many addresses of the last answer were left out.
    private(set) var leftOut = 0
    /// Called by the resolver after the addresses, or the weights of some, have changed.
    let changed: () -> Void

    /// Makes an empty list.
    ///
    /// - Parameter changed: called after the addresses, or the weights of some, have changed.
    package init(_ lookup: NameLookup, changed: @escaping () -> Void) {
        self.lookup = lookup
        self.changed = changed
    }

    /// Replaces the addresses with those of a new answer, which has at least one.
    ///
    /// Two records for one address and port are one address with the sum of their weights. Of too many addresses those
    /// stay that were in the list before; the others follow in their order.
    ///
    /// - Returns: whether an address or a weight is different.
    func replace(with found: [WeightedAddress]) -> Bool {
        var weights: [ResolvedAddress: Double] = [:]
        for one in found {
            weights[one.address] = lookup.isService ? weights[one.address, default: 0] + one.weight : 1
        }
        let known = Set(addresses.map(\.address))
        let all = weights.keys.sorted()
        let steady = all.filter(known.contains) + all.filter { !known.contains($0) }
        let used = steady.prefix(Self.addressesMax).sorted()
        leftOut = all.count - used.count
        let new = used.map { WeightedAddress($0, weight: weights[$0, default: 0]) }
        guard new != addresses else { return false }
        addresses = new
        return true
    }
}
