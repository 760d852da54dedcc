// The listening sockets of the process. The control thread opens or inherits the sockets; workers accept on them.
internal import CLinux
internal import Glibc

/// Listening sockets, indexed by address and by worker.
///
/// The control thread opens and closes the sockets; workers only accept connections on them.
package struct ListenerSet: Sendable {
    /// An address on which the process cannot listen, with the error.
    package struct Failure: Error, CustomStringConvertible {
        package var address: SocketAddress
        package var cause: SystemError
        package var description: String { "cannot listen on \(address): \(cause)" }
    }

    /// The sockets of each address: one socket for each worker, or a single socket that all workers share.
    ///
    /// A unix socket or a socket from systemd is shared. Sockets that were taken over from another process are as many
    /// as that process had, whatever the number of workers is now.
    private var sockets: [[Socket]] = []
    /// The paths of the unix sockets that this process owns; `close` removes these files.
    private var files: [String] = []
    /// The paths of the unix sockets that were taken over from another process during an upgrade.
    ///
    /// Until `own` is called, the other process owns these files.
    private var adoptedFiles: [String] = []
    /// The addresses in the order of the initializer's argument.
    ///
    /// Port 0 is replaced by the port that the system chose.
    package private(set) var addresses: [SocketAddress] = []
    /// For each address, whether systemd has opened its socket.
    package private(set) var isInherited: [Bool] = []

    /// Opens a socket for each address and each worker.
    ///
    /// If an inherited socket listens on an address, all workers use the inherited socket, and no other socket is
    /// opened for the address.
    ///
    /// - Parameters:
    ///   - access: the permissions of each unix socket's file, by the index of the address; inherited sockets keep the
    ///     permissions that they have.
    ///   - besideOwn: whether this process already listens on an overlapping address, as during a reload.
    /// - Throws: when an address is in use or may not be bound; the sockets opened so far are then closed.
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

    /// Takes over the sockets of one address from another process of the server.
    ///
    /// No socket is added, even if there are more workers than sockets. The kernel distributes new connections over all
    /// sockets of an address. If this process added a socket and then failed to start, the connections in the backlog
    /// of that socket would be lost.
    ///
    /// - Parameters:
    ///   - sockets: the sockets; not empty.
    ///   - isInherited: whether systemd has opened the sockets.
    /// - Throws: when one of the sockets does not listen.
    package init(adopting sockets: [Socket], on address: SocketAddress, isInherited: Bool) throws(Failure) {
        precondition(!sockets.isEmpty, "a listener without a socket was handed over")
        for socket in sockets where clinux_is_listening(socket.descriptor) == 0 {
            throw Failure(address: address, cause: SystemError("descriptor \(socket.descriptor)", EINVAL))
        }
        self.sockets = [sockets]
        addresses = [Sockets.localAddress(of: sockets[0]) ?? address]
        self.isInherited = [isInherited]
        if address.isUnix, !isInherited { adoptedFiles = [address.host] }
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
        // Two processes can bind the same address if their sockets have SO_REUSEPORT. So the first socket is bound
        // without that option, and the bind fails if another process uses the address. During a reload (`besideOwn`),
        // the first socket has the option, because this process may already have sockets at the address.
        let probe = try Sockets.listen(on: address, shared: besideOwn, access: access)
        let bound = Sockets.localAddress(of: probe) ?? address
        addresses.append(bound)
        isInherited.append(false)
        guard !address.isUnix else {
            files.append(address.host)
            sockets.append([probe])
            return
        }
        // The first socket has shown that the address is free, and is replaced by the workers' sockets. They have
        // SO_REUSEPORT even for a single worker, so that a reload can open a listener on an overlapping address.
        probe.close()
        sockets.append([])
        for _ in 0..<workers { sockets[sockets.count - 1].append(try Sockets.listen(on: bound, shared: true)) }
    }

    private static func listens(_ socket: Socket, on address: SocketAddress) -> Bool {
        clinux_is_listening(socket.descriptor) != 0
            && Sockets.localAddress(of: socket)?.description == address.description
    }

    /// Describes the inherited sockets that this server does not use.
    ///
    /// A socket is not used if its address is not in `addresses`, or if an earlier socket has the same address. Clients
    /// that connect to the socket wait forever, because the server never accepts their connections.
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

    /// The sockets on which one worker accepts, for the address at index `address`; never empty.
    ///
    /// All sockets of the address are assigned: if there are more sockets than workers, a worker gets several sockets,
    /// and if there are fewer, several workers share a socket.
    package func sockets(address: Int, worker: Int, of workers: Int) -> [Socket] {
        let group = sockets[address]
        guard group.count > workers else { return [group[worker % group.count]] }
        return stride(from: worker, to: group.count, by: workers).map { group[$0] }
    }

    /// All sockets of the address at index `address`.
    package func sockets(address: Int) -> [Socket] { sockets[address] }

    /// Makes this process the owner of the socket files that it has taken over; `close` then removes these files.
    package mutating func own() {
        files += adoptedFiles
        adoptedFiles = []
    }

    /// Makes another process the owner of the socket files; `close` then removes no files.
    package mutating func disown() { files = [] }

    /// The descriptors of all sockets, in the order of the addresses.
    package var descriptors: [CInt] { sockets.joined().map(\.descriptor) }

    /// Whether this set and `other` consist of the same sockets.
    package func isSame(as other: ListenerSet) -> Bool { descriptors == other.descriptors }

    /// Closes all sockets, and removes the files of the unix sockets that this process owns.
    package func close() {
        for group in sockets { for socket in group { socket.close() } }
        for file in files { unsafe unlink(file) }
    }

    private static let inheritedMax: Int32 = 1024

    /// The sockets that systemd passes to the process, from descriptor 3 on (`LISTEN_FDS`, sd_listen_fds(3)).
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
