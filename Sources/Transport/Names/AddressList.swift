// The addresses of a host or of a service (SRV); each address is a separate executor (a model server). A `NameResolver`
// updates the list with each DNS answer.

/// The sorted addresses of a host or of a service (SRV).
///
/// The addresses are sorted so that a DNS answer with the same addresses in another order does not change the list.
/// Confined to the control thread.
package final class AddressList {
    /// The maximum number of addresses in the list; further addresses of a DNS answer are not used.
    package static let addressesMax = 256

    /// The DNS query whose answers fill the list.
    package let lookup: NameLookup
    /// The sorted addresses of the last DNS answer that contained an address; empty before the first such answer.
    package private(set) var addresses: [WeightedAddress]
    /// How many addresses of the last DNS answer are not in the list, because the list was full.
    private(set) var leftOut = 0
    /// Called after a DNS answer has changed an address or a weight.
    let changed: () -> Void

    /// Makes a list.
    ///
    /// - Parameters:
    ///   - addresses: the sorted addresses that are used until the first DNS answer; by default none.
    ///   - changed: called after an address or a weight has changed.
    package init(_ lookup: NameLookup, addresses: [WeightedAddress] = [], changed: @escaping () -> Void) {
        self.lookup = lookup
        self.addresses = addresses
        self.changed = changed
    }

    /// Replaces the addresses with those of a new DNS answer, which contains at least one address.
    ///
    /// SRV records with the same address and port become one address with the sum of their weights. If the answer has
    /// more than `addressesMax` addresses, the list takes first those that it already had, and then new ones in sorted
    /// order until it is full.
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
