// Socket addresses: numeric IPv4 and IPv6 addresses with a port, and unix paths.
package import CLinux
internal import Glibc

/// An address on which a socket listens, or to which it connects.
package struct SocketAddress: Sendable, CustomStringConvertible {
    /// The address in the form that system calls take.
    package private(set) var storage: sockaddr_storage
    /// The length of the address in `storage`, in bytes.
    package private(set) var length: socklen_t

    /// The address family: `AF_INET`, `AF_INET6` or `AF_UNIX`.
    package var family: CInt { CInt(storage.ss_family) }
    package var isUnix: Bool { family == AF_UNIX }

    package init(storage: sockaddr_storage, length: socklen_t) {
        self.storage = storage
        self.length = length
    }

    /// Copies `length` bytes from a `sockaddr` structure.
    init(copying pointer: UnsafeRawPointer, length: socklen_t) {
        storage = sockaddr_storage()
        self.length = length
        unsafe withUnsafeMutableBytes(of: &storage) {
            unsafe $0.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: Int(length)))
        }
    }

    /// The address of a unix socket; nil when the path is empty or longer than 107 bytes.
    package init?(unixPath path: String) {
        let bytes = Array(path.utf8)
        var address = sockaddr_un()
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        storage = sockaddr_storage()
        length = socklen_t(MemoryLayout<sockaddr_un>.size)
        unsafe withUnsafeBytes(of: &address) { source in
            unsafe withUnsafeMutableBytes(of: &storage) { unsafe $0.copyMemory(from: source) }
        }
    }

    /// A numeric address such as `127.0.0.1` or `::1` (without brackets); nil for any other text.
    package init?(numeric host: String, port: UInt16) {
        guard let address = Self.resolve(host: host, port: port, numeric: true).first else { return nil }
        self = address
    }

    /// The addresses of a host name, in the system's order of preference; empty when the name does not resolve.
    ///
    /// Unless `numeric` is true, this call can block on DNS. So a thread whose event loop is running must not make it.
    package static func resolve(host: String, port: UInt16, numeric: Bool = false) -> [SocketAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = CInt(clinux_SOCK_STREAM_FLAGS)
        unsafe hints.ai_flags = AI_NUMERICSERV | (numeric ? AI_NUMERICHOST : 0)
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, String(port), &hints, &list) == 0 else { return [] }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = unsafe list
        while let info = unsafe next {
            unsafe addresses.append(SocketAddress(copying: info.pointee.ai_addr, length: info.pointee.ai_addrlen))
            unsafe next = info.pointee.ai_next
        }
        return addresses
    }

    /// The host part as text: an IP address, or the path of a unix socket (empty if the socket has no path).
    package var host: String {
        var copy = storage
        return unsafe withUnsafeMutablePointer(to: &copy) { pointer in
            let raw = UnsafeMutableRawPointer(pointer)
            return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { text in
                unsafe text.initialize(repeating: 0)
                let target = text.baseAddress!
                switch family {
                case AF_INET:
                    let address = unsafe raw + MemoryLayout<sockaddr_in>.offset(of: \sockaddr_in.sin_addr)!
                    unsafe inet_ntop(AF_INET, address, target, 128)
                case AF_INET6:
                    let address = unsafe raw + MemoryLayout<sockaddr_in6>.offset(of: \sockaddr_in6.sin6_addr)!
                    unsafe inet_ntop(AF_INET6, address, target, 128)
                default:
                    // A path of the maximum length has no terminating zero, so the whole field is copied into a larger,
                    // zeroed buffer.
                    let path = unsafe raw + MemoryLayout<sockaddr_un>.offset(of: \sockaddr_un.sun_path)!
                    unsafe memcpy(target, path, 108)
                }
                return unsafe String(cString: target)
            }
        }
    }

    /// The port; 0 for unix sockets.
    package var port: UInt16 {
        guard !isUnix else { return 0 }
        var copy = storage
        return unsafe withUnsafeBytes(of: &copy) {
            UInt16(bigEndian: unsafe $0.load(fromByteOffset: 2, as: UInt16.self))
        }
    }

    package var description: String {
        switch family {
        case AF_UNIX: "unix:\(host)"
        case AF_INET6: "[\(host)]:\(port)"
        default: "\(host):\(port)"
        }
    }
}

extension SocketAddress: Equatable {
    /// Compares family, address, port and IPv6 scope; the flow label and padding bytes are ignored.
    package static func == (one: SocketAddress, other: SocketAddress) -> Bool {
        guard one.family == other.family, one.port == other.port, one.host == other.host else { return false }
        return one.family != AF_INET6 || one.scope == other.scope
    }

    /// The interface index of a link-local IPv6 address; not meaningful if `family` is not `AF_INET6`.
    private var scope: UInt32 {
        var copy = storage
        return unsafe withUnsafeBytes(of: &copy) {
            unsafe $0.load(
                fromByteOffset: MemoryLayout<sockaddr_in6>.offset(of: \sockaddr_in6.sin6_scope_id)!,
                as: UInt32.self
            )
        }
    }
}
