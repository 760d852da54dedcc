// A set of IP addresses, made from ranges. The cost of a lookup does not grow with the number of ranges.

/// A set of the addresses in several ranges; it may also contain all peers of unix sockets, which have no IP address.
package struct AddressSet: Sendable, Equatable {
    /// All ranges of one prefix length and IP version; `starts` contains the first address of each range.
    private struct Length: Sendable, Equatable {
        var bits: Int
        var isIPv4: Bool
        var starts: Set<IPAddress>
    }

    /// At most one element for each prefix length of IPv4 and of IPv6; the longest prefixes come first.
    private var lengths: [Length] = []
    /// Whether every peer of a unix socket is in the set.
    package var hasUnixPeers = false

    /// A set of the addresses of all given ranges.
    package init(_ ranges: [AddressRange] = [], unixPeers: Bool = false) {
        hasUnixPeers = unixPeers
        var starts: [Int: (v4: Set<IPAddress>, v6: Set<IPAddress>)] = [:]
        for range in ranges {
            if range.first.isIPv4 {
                starts[range.bits, default: ([], [])].v4.insert(range.first)
            } else {
                starts[range.bits, default: ([], [])].v6.insert(range.first)
            }
        }
        for (bits, found) in starts.sorted(by: { $0.key > $1.key }) {
            if !found.v4.isEmpty { lengths.append(Length(bits: bits, isIPv4: true, starts: found.v4)) }
            if !found.v6.isEmpty { lengths.append(Length(bits: bits, isIPv4: false, starts: found.v6)) }
        }
    }

    /// Whether the set has no address and no unix peers.
    package var isEmpty: Bool { lengths.isEmpty && !hasUnixPeers }

    /// Whether the address is in one of the ranges.
    package func contains(_ address: IPAddress) -> Bool {
        let isIPv4 = address.isIPv4
        return lengths.contains { $0.isIPv4 == isIPv4 && $0.starts.contains(address.prefix($0.bits)) }
    }

    /// Whether the address of a peer is in the set.
    package func contains(_ address: SocketAddress) -> Bool {
        if address.isUnix { return hasUnixPeers }
        return IPAddress(address).map(contains) ?? false
    }
}
