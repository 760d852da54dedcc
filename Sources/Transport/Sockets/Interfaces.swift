// The addresses and the host name of this machine. The `check` command uses them to find an engine URL that points back
// at this server itself.
internal import CLinux
internal import Glibc

/// The network interfaces of this machine.
package enum Interfaces {
    /// Every address of every interface, as text without a zone; empty if the system reports none.
    package static func addresses() -> [String] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard unsafe getifaddrs(&list) == 0 else { return [] }
        defer { unsafe freeifaddrs(list) }
        var found: [String] = []
        var next = unsafe list
        while let entry = unsafe next {
            if let text = unsafe text(entry.pointee.ifa_addr), !found.contains(text) { found.append(text) }
            unsafe next = entry.pointee.ifa_next
        }
        return found
    }

    /// The host name of this machine; empty if the system reports none.
    package static func hostName() -> String {
        var name = [CChar](repeating: 0, count: 256)
        let result = unsafe name.withUnsafeMutableBufferPointer { unsafe gethostname($0.baseAddress!, $0.count - 1) }
        guard result == 0 else { return "" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func text(_ address: UnsafeMutablePointer<sockaddr>?) -> String? {
        guard let address = unsafe address else { return nil }
        let size: Int
        switch unsafe CInt(address.pointee.sa_family) {
        case AF_INET: size = MemoryLayout<sockaddr_in>.size
        case AF_INET6: size = MemoryLayout<sockaddr_in6>.size
        default: return nil
        }
        return unsafe SocketAddress(copying: address, length: socklen_t(size)).host
    }
}
