// What identifies a listener from one snapshot to the next.
package import Configuration

/// The identity of a listener: its configured address, and a number if several listeners have the same address.
package struct ListenerKey: Hashable, Sendable, CustomStringConvertible {
    /// The configured address; its port may be 0.
    package let address: ListenAddress
    /// A number that tells listeners with the same address and port 0 apart, in the order of the configuration; else 0.
    package let number: Int

    /// The configured address as text.
    package var description: String { "\(address)" }

    /// The keys of listeners with these addresses, in the same order.
    static func keys(of addresses: [ListenAddress]) -> [ListenerKey] {
        var counts: [ListenAddress: Int] = [:]
        return addresses.map { address in
            defer { counts[address, default: 0] += 1 }
            return ListenerKey(address: address, number: counts[address, default: 0])
        }
    }
}
