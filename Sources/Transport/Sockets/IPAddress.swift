// An IPv4 or IPv6 address without a port: a small value that can be compared, masked and used as a key.
internal import CLinux
internal import Glibc

/// An IPv4 or IPv6 address.
///
/// An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) is the same value as the IPv4 address, because the kernel reports
/// IPv4 peers of dual-stack sockets in the mapped form. A zone (`%eth0`) is not part of the value.
package struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    /// The first eight bytes of the address in IPv6 form; an IPv4 address is stored as an IPv4-mapped IPv6 address.
    package let high: UInt64
    /// The last eight bytes of the address in IPv6 form.
    package let low: UInt64

    private static let mappedPrefix: UInt64 = 0xFFFF

    /// Makes an address from the two halves of its IPv6 form.
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads 4 or 16 bytes in network order; nil for any other count.
    package init?(bytes: some Collection<UInt8>) {
        switch bytes.count {
        case 4: self.init(high: 0, low: Self.mappedPrefix << 32 | Self.number(bytes))
        case 16: self.init(high: Self.number(bytes.prefix(8)), low: Self.number(bytes.dropFirst(8)))
        default: return nil
        }
    }

    /// Parses a numeric address without brackets, port or zone; nil for any other text.
    package init?(parsing text: String) {
        guard text.utf8.count <= 45, !text.utf8.contains(0) else { return nil }
        let isIPv6 = text.utf8.contains(UInt8(ascii: ":"))
        var bytes = [UInt8](repeating: 0, count: isIPv6 ? 16 : 4)
        let isParsed = unsafe bytes.withUnsafeMutableBytes {
            unsafe inet_pton(isIPv6 ? AF_INET6 : AF_INET, text, $0.baseAddress)
        }
        guard isParsed == 1 else { return nil }
        self.init(bytes: bytes)
    }

    /// The IP address in a socket address; nil for a unix socket.
    package init?(_ address: SocketAddress) {
        var storage = address.storage
        let range: Range<Int>
        switch address.family {
        case AF_INET:
            let offset = MemoryLayout<sockaddr_in>.offset(of: \sockaddr_in.sin_addr)!
            range = offset..<offset + 4
        case AF_INET6:
            let offset = MemoryLayout<sockaddr_in6>.offset(of: \sockaddr_in6.sin6_addr)!
            range = offset..<offset + 16
        default: return nil
        }
        let parsed = unsafe withUnsafeBytes(of: &storage) { unsafe IPAddress(bytes: $0[range]) }
        guard let parsed else { return nil }
        self = parsed
    }

    /// Whether this is an IPv4 address.
    package var isIPv4: Bool { high == 0 && low >> 32 == Self.mappedPrefix }

    /// The bytes of the address in network order: 4 for IPv4, 16 for IPv6.
    package var bytes: [UInt8] {
        let all = [high, low].flatMap { half in (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * $0)) } }
        return isIPv4 ? Array(all[12...]) : all
    }

    /// The address with all bits after the first `bits` cleared.
    ///
    /// - Parameter bits: from 0 to 128. The bits are counted in the IPv6 form, so the prefix `/24` of an IPv4 address
    ///   has 120 bits.
    package func prefix(_ bits: Int) -> IPAddress {
        IPAddress(
            high: high & Self.mask(bits),
            low: low & Self.mask(bits - 64)
        )
    }

    /// A number whose first `bits` bits are set; 0 for a count below 1, and all bits for a count above 63.
    private static func mask(_ bits: Int) -> UInt64 {
        bits <= 0 ? 0 : bits >= 64 ? .max : ~(UInt64.max >> UInt64(bits))
    }

    private static func number(_ bytes: some Collection<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }

    /// The address as text, such as `192.0.2.1` or `2001:db8::1`.
    package var description: String {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
            unsafe text.initialize(repeating: 0)
            unsafe bytes.withUnsafeBytes {
                _ = unsafe inet_ntop(isIPv4 ? AF_INET : AF_INET6, $0.baseAddress, text.baseAddress!, 64)
            }
            return unsafe String(cString: text.baseAddress!)
        }
    }
}

extension SocketAddress {
    /// The socket address of an IP address and a port.
    package init(_ address: IPAddress, port: UInt16) {
        var storage = sockaddr_storage()
        let bytes = address.bytes
        let (family, offset, length) =
            address.isIPv4
            ? (AF_INET, MemoryLayout<sockaddr_in>.offset(of: \sockaddr_in.sin_addr)!, MemoryLayout<sockaddr_in>.size)
            : (
                AF_INET6, MemoryLayout<sockaddr_in6>.offset(of: \sockaddr_in6.sin6_addr)!,
                MemoryLayout<sockaddr_in6>.size
            )
        storage.ss_family = sa_family_t(family)
        unsafe withUnsafeMutableBytes(of: &storage) {
            // The port is at the same offset in `sockaddr_in` and `sockaddr_in6`.
            unsafe $0.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
            for (index, byte) in bytes.enumerated() { unsafe $0[offset + index] = byte }
        }
        self.init(storage: storage, length: socklen_t(length))
    }

    /// This address; an IPv4-mapped IPv6 address becomes the IPv4 address.
    package var unmapped: SocketAddress {
        guard family == AF_INET6, let address = IPAddress(self), address.isIPv4 else { return self }
        return SocketAddress(address, port: port)
    }
}
