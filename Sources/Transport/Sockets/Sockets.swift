// Opens sockets and sets their options. Only the event loop (Sources/Transport/Loop) reads from sockets, writes to them
// and accepts connections.
internal import CLinux
internal import Glibc

/// An open descriptor, which is not closed automatically: its last user must call `close`.
package struct Socket: Sendable {
    package let descriptor: CInt
    package init(descriptor: CInt) { self.descriptor = descriptor }
    /// Closes the descriptor.
    package func close() { _ = Glibc.close(descriptor) }
    /// Closes the descriptor with a TCP reset, which costs the server less than an orderly close.
    package func reset() {
        _ = clinux_set_linger(descriptor, 0)
        close()
    }
}

/// Functions that open sockets and set process limits for descriptors.
package enum Sockets {
    /// Opens a listening socket.
    ///
    /// - Parameters:
    ///   - shared: whether to set SO_REUSEPORT, so that several sockets can listen on the same address.
    ///   - access: the permissions of the file, if `address` is a unix path.
    /// - Throws: the system call that failed, such as `bind` with EADDRINUSE.
    package static func listen(
        on address: SocketAddress,
        shared: Bool,
        backlog: CInt = 4096,
        access: SocketFileAccess = SocketFileAccess()
    ) throws(SystemError) -> Socket {
        let descriptor = socket(address.family, clinux_SOCK_STREAM_FLAGS | clinux_NONBLOCK_CLOEXEC, 0)
        guard descriptor >= 0 else { throw SystemError.last("socket") }
        do throws(SystemError) {
            if address.isUnix {
                try removeStaleUnixSocket(address)
            } else {
                try setListenOptions(descriptor, shared: shared, isIPv6: address.family == AF_INET6)
            }
            var storage = address.storage
            try check("bind", unsafe clinux_bind(descriptor, &storage, address.length))
            if address.isUnix { try access.apply(to: address.host) }
            try check("listen", Glibc.listen(descriptor, backlog))
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        return Socket(descriptor: descriptor)
    }

    /// Sets the options of a TCP socket before it listens.
    ///
    /// SO_REUSEADDR allows binding to a port whose previous server has just ended. IPV6_V6ONLY keeps `::` from
    /// accepting IPv4 connections.
    private static func setListenOptions(_ descriptor: CInt, shared: Bool, isIPv6: Bool) throws(SystemError) {
        try check("setsockopt", clinux_set_integer_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1))
        if shared { try check("setsockopt", clinux_set_integer_option(descriptor, SOL_SOCKET, SO_REUSEPORT, 1)) }
        guard isIPv6 else { return }
        try check("setsockopt", clinux_set_integer_option(descriptor, clinux_IPPROTO_IPV6, IPV6_V6ONLY, 1))
    }

    /// Removes the file of a unix socket on which no process listens, such as one that a crashed process left behind.
    private static func removeStaleUnixSocket(_ address: SocketAddress) throws(SystemError) {
        let probe = socket(AF_UNIX, clinux_SOCK_STREAM_FLAGS | clinux_NONBLOCK_CLOEXEC, 0)
        guard probe >= 0 else { throw SystemError.last("socket") }
        defer { Glibc.close(probe) }
        var storage = address.storage
        if unsafe clinux_connect(probe, &storage, address.length) == 0 || errno == EAGAIN {
            throw SystemError("bind", EADDRINUSE)
        }
        // `connect` fails with ECONNREFUSED even if the file is not a socket. Such a file must not be removed.
        var status = stat()
        guard errno == ECONNREFUSED, unsafe lstat(address.host, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK
        else {
            return
        }
        unsafe unlink(address.host)
    }

    /// Begins to connect to an address.
    ///
    /// - Returns: a non-blocking socket; `pending` is true while the connection is not established yet.
    static func connect(to address: SocketAddress) throws(SystemError) -> (socket: Socket, pending: Bool) {
        let descriptor = socket(address.family, clinux_SOCK_STREAM_FLAGS | clinux_NONBLOCK_CLOEXEC, 0)
        guard descriptor >= 0 else { throw SystemError.last("socket") }
        if !address.isUnix { setStreamOptions(descriptor) }
        var storage = address.storage
        if unsafe clinux_connect(descriptor, &storage, address.length) == 0 {
            return (Socket(descriptor: descriptor), false)
        }
        guard errno == EINPROGRESS else {
            let failure = SystemError.last("connect")
            Glibc.close(descriptor)
            throw failure
        }
        return (Socket(descriptor: descriptor), true)
    }

    /// The address to which a socket is bound, with the actual port if port 0 was requested.
    package static func localAddress(of socket: Socket) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        guard unsafe clinux_getsockname(socket.descriptor, &storage, &length) == 0 else { return nil }
        return SocketAddress(storage: storage, length: length)
    }

    /// Sets TCP_NODELAY, TCP keep-alive (first probe after 15 s, then every 5 s, 3 probes) and a TCP_USER_TIMEOUT
    /// of 30 s.
    static func setStreamOptions(_ descriptor: CInt) {
        let tcp = clinux_IPPROTO_TCP
        _ = clinux_set_integer_option(descriptor, tcp, TCP_NODELAY, 1)
        _ = clinux_set_integer_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
        _ = clinux_set_integer_option(descriptor, tcp, TCP_KEEPIDLE, 15)
        _ = clinux_set_integer_option(descriptor, tcp, TCP_KEEPINTVL, 5)
        _ = clinux_set_integer_option(descriptor, tcp, TCP_KEEPCNT, 3)
        _ = clinux_set_integer_option(descriptor, tcp, TCP_USER_TIMEOUT, 30_000)
    }

    /// Raises RLIMIT_NOFILE to its hard limit.
    ///
    /// - Returns: the limit now in force, in descriptors.
    @discardableResult
    package static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(limit.rlim_cur)
    }

    /// The hard limit of RLIMIT_NOFILE in descriptors, to which `raiseDescriptorLimit` raises the soft limit.
    package static var descriptorLimit: Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        return Int(clamping: limit.rlim_max)
    }

    /// Opens /dev/null on each of the descriptors 0, 1 and 2 that is closed.
    ///
    /// Call this before any socket is opened. Otherwise a socket could get descriptor 2, and a client would
    /// receive log messages.
    package static func openStandardDescriptors() {
        for descriptor in CInt(0)...2 where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
            // `open` returns the lowest free descriptor, which is `descriptor` because all lower ones are open.
            _ = unsafe open("/dev/null", O_RDWR)
        }
    }

    /// Marks a descriptor as close-on-exec, so that the kernel closes it in programs that this process starts.
    ///
    /// - Returns: false if the descriptor is not open.
    @discardableResult
    package static func closeOnExec(_ descriptor: CInt) -> Bool { clinux_set_close_on_exec(descriptor) == 0 }

    private static func check(_ call: String, _ result: CInt) throws(SystemError) {
        if result < 0 { throw SystemError.last(call) }
    }
}
