// A range of IP addresses in CIDR notation (RFC 4632, RFC 4291 section 2.3): `10.0.0.0/8`, `2001:db8::/32`.

/// A range of IPv4 or IPv6 addresses that have the same first bits.
///
/// An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) is treated as the IPv4 address `10.0.0.1`. This is true for the text
/// of a range and for the address of a peer.
package struct AddressRange: Sendable, Hashable {
    /// The reason why a text is not a valid range, in words for the operator.
    package struct Problem: Error, Equatable, CustomStringConvertible, Sendable {
        package let description: String
    }

    /// The first address of the range.
    let first: IPAddress
    /// The length of the prefix that all addresses of the range share, in bits of the IPv6 form.
    ///
    /// The length is 96 to 128 for a range of IPv4 addresses, otherwise 0 to 128.
    let bits: Int

    /// Parses `ADDRESS/BITS`, or a single address as a range of one address.
    ///
    /// - Throws: the reason why the text is invalid. If the address has bits set after the first `BITS` bits, the error
    ///   suggests a valid range.
    package init(parsing text: String) throws(Problem) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(parsing: String(parts[0])) else {
            throw Problem(description: "expected an IP address or a range such as 10.0.0.0/8 or fd00::/8")
        }
        // If an IPv4 address is written in its IPv6 form, the number after the slash already counts the 96 bits before
        // the address.
        let isWrittenAsIPv4 = !parts[0].utf8.contains(UInt8(ascii: ":"))
        let most = isWrittenAsIPv4 ? 32 : 128
        var count = most
        if parts.count > 1 {
            let digits = parts[1].utf8
            guard (1...3).contains(digits.count), digits.allSatisfy(\.isDigit), let written = Int(parts[1]),
                written <= most
            else { throw Problem(description: "expected a number from 0 to \(most) after the slash") }
            count = written
        }
        let bits = isWrittenAsIPv4 ? count + 96 : count
        let start = address.prefix(bits)
        guard start == address else {
            let isIPv4 = start.isIPv4
            let meant = "\(start)/\(isIPv4 ? bits - 96 : bits)"
            throw Problem(description: "has bits set behind the first \(isIPv4 ? bits - 96 : bits): write \(meant)")
        }
        (first, self.bits) = (address, bits)
    }

    /// Whether the address of a peer is in the range; false for unix sockets.
    package func contains(_ address: SocketAddress) -> Bool { IPAddress(address).map(contains) ?? false }

    /// Whether the address is in the range; a range of IPv6 addresses contains no IPv4 address.
    package func contains(_ address: IPAddress) -> Bool {
        address.isIPv4 == first.isIPv4 && address.prefix(bits) == first
    }
}

extension AddressRange: CustomStringConvertible {
    /// The range in CIDR notation, as in the configuration.
    package var description: String { "\(first)/\(first.isIPv4 ? bits - 96 : bits)" }
}
