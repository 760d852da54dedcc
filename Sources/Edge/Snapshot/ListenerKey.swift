// What identifies a listener from one snapshot to the next.
package import Configuration

/// The identity of a listener: the address that the configuration has for it.
package struct ListenerKey: Hashable, Sendable, CustomStringConvertible {
    /// The configured address; its port may be 0.
    package let address: ListenAddress
    /// Tells listeners of one address apart, in the order of the configuration; more than 0 only for port 0.
    package let number: Int

    /// The address as the configuration has it.
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
