// Opening sockets and setting their options. Reading, writing and accepting is the poller's alone (Loop/).
internal import CLinux
internal import Glibc

/// An open descriptor with no owner yet: whoever takes it, closes it.
package struct Socket: Sendable {
    package let descriptor: CInt
    package init(descriptor: CInt) { self.descriptor = descriptor }
    package func close() { _ = Glibc.close(descriptor) }
}

package enum Sockets {
    /// Opens a listening socket.
    ///
    /// `shared` sets SO_REUSEPORT, so that each worker has one of its own; `access` is that of a unix socket's file.
    package static func listen(
        on address: SocketAddress,
        shared: Bool,
        backlog: CInt = 4096,
        access: SocketFileAccess = SocketFileAccess()
    ) throws(SystemError) -> Socket {
        let descriptor = socket(address.family, clinux_SOCK_STREAM_FLAGS | clinux_NONBLOCK_CLOEXEC, 0)
        guard descriptor >= 0 else { throw SystemError.last("socket") }
        do throws(SystemError) {
            if address.isUnix { try removeStaleUnixSocket(address) }
            if !address.isUnix {
                try check("setsockopt", clinux_set_integer_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1))
                if shared {
                    try check("setsockopt", clinux_set_integer_option(descriptor, SOL_SOCKET, SO_REUSEPORT, 1))
                }
                if address.family == AF_INET6 {
                    try check("setsockopt", clinux_set_integer_option(descriptor, clinux_IPPROTO_IPV6, IPV6_V6ONLY, 1))
                }
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

    /// A unix socket file that nobody answers on is left from a process that died: it is removed.
    private static func removeStaleUnixSocket(_ address: SocketAddress) throws(SystemError) {
        let probe = socket(AF_UNIX, clinux_SOCK_STREAM_FLAGS | clinux_NONBLOCK_CLOEXEC, 0)
        guard probe >= 0 else { throw SystemError.last("socket") }
        defer { Glibc.close(probe) }
        var storage = address.storage
        if unsafe clinux_connect(probe, &storage, address.length) == 0 || errno == EAGAIN {
            throw SystemError("bind", EADDRINUSE)
        }
        // A file that is no socket refuses connections too: it is somebody's, and stays.
        var status = stat()
        guard errno == ECONNREFUSED, unsafe lstat(address.host, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK
        else {
            return
        }
        unsafe unlink(address.host)
    }

    /// Begins to connect.
    ///
    /// The socket is non-blocking: `pending` says that the end of it comes as an event.
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

    /// The address that a socket is bound to: how a test learns the port behind port 0.
    package static func localAddress(of socket: Socket) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        guard unsafe clinux_getsockname(socket.descriptor, &storage, &length) == 0 else { return nil }
        return SocketAddress(storage: storage, length: length)
    }

    /// TCP_NODELAY; keep-alive after 15 s, each 5 s, 3 times; unacknowledged data for 30 s ends the connection.
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
    /// Returns the limit in force.
    @discardableResult
    package static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(limit.rlim_cur)
    }

    /// The hard limit of RLIMIT_NOFILE, to which a server raises its own.
    package static var descriptorLimit: Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        return Int(clamping: limit.rlim_max)
    }

    /// Opens those of the descriptors 0, 1 and 2 that are closed on /dev/null.
    ///
    /// To be called first of all: else a socket gets such a number, and whoever writes messages writes to a client.
    package static func openStandardDescriptors() {
        for descriptor in CInt(0)...2 where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
            // The lowest free number: those below are open.
            _ = unsafe open("/dev/null", O_RDWR)
        }
    }

    private static func check(_ call: String, _ result: CInt) throws(SystemError) {
        if result < 0 { throw SystemError.last(call) }
    }
}
