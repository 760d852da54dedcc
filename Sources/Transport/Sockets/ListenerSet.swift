// The listening sockets of the process, opened or inherited by the control thread and lent to workers.
internal import CLinux
internal import Glibc

/// Listening sockets, by the index of the address and of the worker.
///
/// The control thread opens and closes them; workers only accept.
package struct ListenerSet: Sendable {
    /// An address on which the process cannot listen, and why.
    package struct Failure: Error, CustomStringConvertible {
        package var address: SocketAddress
        package var cause: SystemError
        package var description: String { "cannot listen on \(address): \(cause)" }
    }

    /// The sockets of each address: one for each worker, or one that all share (unix, or inherited).
    private var sockets: [[Socket]] = []
    /// The paths of the unix sockets that this process bound.
    private var files: [String] = []
    /// The addresses in the order given, each with the port that the system chose for port 0.
    package private(set) var addresses: [SocketAddress] = []
    /// For each address whether its socket was inherited.
    package private(set) var isInherited: [Bool] = []

    /// Opens a socket for each address and worker.
    ///
    /// An inherited socket bound to an address is used in its place.
    ///
    /// - Parameter access: the permissions of the files of unix sockets, by the index of the address; inherited ones
    ///   stay as they are.
    /// - Throws: when an address is in use or may not be bound; what was opened is closed again.
    package init(
        addresses wanted: [SocketAddress],
        workers: Int,
        inherited: [Socket] = [],
        access: [SocketFileAccess] = [],
        besideOwn: Bool = false
    ) throws(Failure) {
        for (index, address) in wanted.enumerated() {
            do throws(SystemError) {
                let access = index < access.count ? access[index] : SocketFileAccess()
                try open(address, workers: workers, inherited: inherited, access: access, besideOwn: besideOwn)
            } catch {
                close()
                throw Failure(address: address, cause: error)
            }
        }
    }

    private mutating func open(
        _ address: SocketAddress,
        workers: Int,
        inherited: [Socket],
        access: SocketFileAccess,
        besideOwn: Bool
    ) throws(SystemError) {
        if let socket = inherited.first(where: { Self.listens($0, on: address) }) {
            sockets.append([socket])
            addresses.append(address)
            isInherited.append(true)
            return
        }
        // With SO_REUSEPORT a second process could bind unnoticed, so a probe without it comes first.
        let probe = try Sockets.listen(on: address, shared: besideOwn, access: access)
        let bound = Sockets.localAddress(of: probe) ?? address
        addresses.append(bound)
        isInherited.append(false)
        guard !address.isUnix else {
            files.append(address.host)
            sockets.append([probe])
            return
        }
        // Also a single socket is shared, so that a reload can open a listener whose address meets this one's.
        probe.close()
        sockets.append([])
        for _ in 0..<workers { sockets[sockets.count - 1].append(try Sockets.listen(on: bound, shared: true)) }
    }

    private static func listens(_ socket: Socket, on address: SocketAddress) -> Bool {
        clinux_is_listening(socket.descriptor) != 0
            && Sockets.localAddress(of: socket)?.description == address.description
    }

    /// Describes the inherited sockets that do not listen on one of these addresses.
    ///
    /// Nobody would accept there, so clients would connect and wait for ever. The second of two sockets of one address
    /// is among them.
    package static func unclaimed(_ inherited: [Socket], addresses: [SocketAddress]) -> [String] {
        var left = inherited
        for address in addresses {
            if let index = left.firstIndex(where: { listens($0, on: address) }) { left.remove(at: index) }
        }
        return left.map { socket in
            guard clinux_is_listening(socket.descriptor) != 0, let address = Sockets.localAddress(of: socket) else {
                return "descriptor \(socket.descriptor), which does not listen"
            }
            return address.description
        }
    }

    /// The listening socket of a worker for the address with this index.
    package func socket(address: Int, worker: Int) -> Socket { sockets[address][worker % sockets[address].count] }

    /// Whether both sets have the same sockets.
    package func isSame(as other: ListenerSet) -> Bool {
        sockets.map { $0.map(\.descriptor) } == other.sockets.map { $0.map(\.descriptor) }
    }

    /// Closes everything, and removes the files of unix sockets.
    package func close() {
        for group in sockets { for socket in group { socket.close() } }
        for file in files { unsafe unlink(file) }
    }

    private static let inheritedMax: Int32 = 1024

    /// The sockets that systemd hands over (`LISTEN_FDS`, sd_listen_fds(3)); they begin at descriptor 3.
    package static func inherited(from environment: [String: String]) -> [Socket] {
        guard let pid = environment["LISTEN_PID"].flatMap({ Int32($0) }), pid == getpid(),
            let count = environment["LISTEN_FDS"].flatMap({ Int32($0) }), count > 0,
            count <= inheritedMax
        else { return [] }
        return (3..<3 + count).map { descriptor in
            _ = clinux_set_nonblocking(descriptor)
            _ = clinux_set_close_on_exec(descriptor)
            return Socket(descriptor: descriptor)
        }
    }
}
