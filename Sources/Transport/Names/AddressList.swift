// The addresses of a name that has a separate executor (a model server) at each address. A `NameResolver` keeps the
// list up to date.

/// The addresses of a name, sorted: an answer with the same addresses in another order does not change the list.
///
/// Confined to the control thread.
package final class AddressList {
    /// The maximum number of addresses in the list; further addresses of an answer are not used.
    package static let addressesMax = 256

    /// The query whose answer fills the list.
    package let lookup: NameLookup
    /// The sorted addresses of the last answer that contained an address; empty before the first such answer.
    package private(set) var addresses: [WeightedAddress]
    /// How many addresses of the last answer are not in the list, because the list was full.
    private(set) var leftOut = 0
    /// Called by the resolver after an address or a weight has changed.
    let changed: () -> Void

    /// Makes a list.
    ///
    /// - Parameters:
    ///   - addresses: the sorted addresses that are used until the first answer; by default none.
    ///   - changed: called after an address or a weight has changed.
    package init(_ lookup: NameLookup, addresses: [WeightedAddress] = [], changed: @escaping () -> Void) {
        self.lookup = lookup
        self.addresses = addresses
        self.changed = changed
    }

    /// Replaces the addresses with those of a new answer, which contains at least one address.
    ///
    /// For a service, records with the same address and port become one address with the sum of their weights. If there
    /// are too many addresses, the addresses already in the list stay, and new addresses are added in order until the
    /// list is full.
    ///
    /// - Returns: whether an address or a weight has changed.
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
