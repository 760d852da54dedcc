// The query for the addresses of a host or of a service, and the addresses in the answer.
internal import Glibc

/// A query to the name servers for the addresses of a host or of a service.
package struct NameLookup: Sendable, Hashable {
    /// The name, in lower case.
    package let name: String
    /// The port to use with every address of a host; 0 for a service, because SRV records contain the ports.
    package let port: UInt16
    /// Whether the name is a service; if false, the name is a host.
    ///
    /// For a service, the resolver queries the SRV records (RFC 2782), and then the addresses of their targets.
    package let isService: Bool

    /// Makes a query for the addresses of a host.
    package init(host: String, port: UInt16) {
        (name, self.port, isService) = (host, port, false)
    }

    /// Makes a query for the SRV records of a service, such as `_http._tcp.example.internal`.
    package init(service: String) {
        (name, port, isService) = (service, 0, true)
    }
}

/// An IP address and a port.
package struct ResolvedAddress: Sendable, Hashable {
    /// The IP address in its canonical form; IPv6 without brackets.
    package let host: String
    /// The port, 0 to 65535.
    package let port: UInt16

    /// Makes an address; `host` is an IP address in the form of `SocketAddress.host`.
    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// The host, in brackets if it is an IPv6 address, and the port.
    package var withPort: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension ResolvedAddress: Comparable {
    /// Orders IPv4 before IPv6, then by the bytes of the address, then by the port.
    package static func < (one: ResolvedAddress, other: ResolvedAddress) -> Bool {
        let (mine, its) = (one.bytes, other.bytes)
        if mine.count != its.count { return mine.count < its.count }
        if mine == its { return one.port < other.port }
        return mine.lexicographicallyPrecedes(its)
    }

    /// The 4 or 16 bytes of the address in network order.
    private var bytes: [UInt8] {
        let isV6 = host.contains(":")
        var bytes = [UInt8](repeating: 0, count: isV6 ? 16 : 4)
        let status = unsafe bytes.withUnsafeMutableBytes {
            unsafe inet_pton(isV6 ? AF_INET6 : AF_INET, host, $0.baseAddress)
        }
        return status == 1 ? bytes : []
    }
}

/// One address of a name, and its weight in the distribution of requests over all addresses of the name.
package struct WeightedAddress: Sendable, Hashable {
    package let address: ResolvedAddress
    /// The weight of the address: each address gets requests in proportion to its weight.
    ///
    /// The weight is 1 for an address of a host. For an address of a service, it is the weight of the SRV record,
    /// divided by the number of addresses of the record's target.
    ///
    /// An address with the weight 0 gets very few requests, unless all weights are 0 (RFC 2782).
    package let weight: Double

    package init(_ address: ResolvedAddress, weight: Double = 1) {
        self.address = address
        self.weight = weight
    }
}
