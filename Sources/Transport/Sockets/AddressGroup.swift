// A client address as limits count it: all clients at one IPv4 address, or in one IPv6 network, count together.

/// An IPv4 address, or an IPv6 network with a prefix of 64 or 48 bits.
///
/// One subscriber usually has a whole /64 of IPv6, and can use any of its addresses, so single IPv6 addresses are not
/// counted separately. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) is the IPv4 address.
package struct AddressGroup: Hashable, Sendable {
    private enum Kind: UInt8 { case address, network64, network48 }

    private let kind: Kind
    /// The IPv4 address, or the first 64 bits of the IPv6 address, as a number.
    private let bits: UInt64

    private init(_ kind: Kind, _ bits: UInt64) {
        self.kind = kind
        self.bits = bits
    }

    /// The smallest group that contains an address: the IPv4 address itself, or the /64 of an IPv6 address.
    ///
    /// The result is nil for a unix socket.
    package init?(_ address: SocketAddress) {
        guard let address = IPAddress(address) else { return nil }
        self.init(address)
    }

    /// The smallest group that contains an address: the IPv4 address itself, or the /64 of an IPv6 address.
    package init(_ address: IPAddress) {
        if address.isIPv4 {
            self.init(.address, address.low & 0xFFFF_FFFF)
        } else {
            self.init(.network64, address.high)
        }
    }

    /// The /48 network that contains this /64 network; nil for an IPv4 address and for a /48 network.
    package var around: AddressGroup? {
        kind == .network64 ? AddressGroup(.network48, bits & ~0xFFFF) : nil
    }
}

extension AddressGroup: CustomStringConvertible {
    /// The address, or the network in CIDR notation: `192.0.2.1`, `2001:db8:0:1::/64`.
    package var description: String {
        switch kind {
        case .address: IPAddress(high: 0, low: 0xFFFF << 32 | bits).description
        case .network64: "\(IPAddress(high: bits, low: 0))/64"
        case .network48: "\(IPAddress(high: bits, low: 0))/48"
        }
    }
}
