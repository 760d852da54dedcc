// What identifies a listener from one snapshot to the next.
package import Configuration

/// The identity of a listener: its configured address, and a number if several listeners have the same address.
package struct ListenerKey: Hashable, Sendable, CustomStringConvertible {
    /// The configured address; its port may be 0.
    package let address: ListenAddress
    /// Distinguishes several listeners with the same address, such as `127.0.0.1:0`: 0 for the first in the
    /// configuration, then 1, 2 and so on.
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
