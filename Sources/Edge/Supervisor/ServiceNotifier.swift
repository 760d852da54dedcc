// Notifies systemd of the state of the service with a datagram to the socket in NOTIFY_SOCKET (sd_notify(3)).
internal import CLinux
internal import Glibc
internal import Transport

/// Notifies systemd of the state of the process, if systemd has started it as a service of type `notify`.
enum ServiceNotifier {
    /// The interval at which this process notifies systemd's watchdog, in nanoseconds; nil if the watchdog does not
    /// watch this process.
    ///
    /// The interval is half of `WATCHDOG_USEC`, as sd_watchdog_enabled(3) recommends. `WATCHDOG_PID` must be the id of
    /// this process, because a child process inherits the variables without being watched.
    ///
    /// - Parameters:
    ///   - environment: the environment of this process.
    ///   - process: the id of this process.
    static func watchdogInterval(environment: [String: String], process: Int32) -> Nanoseconds? {
        guard let text = environment["WATCHDOG_USEC"], let microseconds = UInt64(text), microseconds > 1,
            microseconds <= UInt64(Int64.max) / 1000
        else { return nil }
        if let meant = environment["WATCHDOG_PID"], meant != "\(process)" { return nil }
        return microseconds * 1000 / 2
    }

    /// The time in microseconds that `stopping` adds to the time of the lame duck period and the drain.
    ///
    /// In this time the process sends the last error events of streams and writes the last log lines.
    private static let stoppingReserve: UInt64 = 15_000_000

    /// The state that tells systemd that the process is stopping, and how long systemd must wait before it kills the
    /// process.
    ///
    /// systemd waits for this time even if `TimeoutStopSec` of the unit is shorter.
    ///
    /// - Parameter time: the longest time that the lame duck period and the drain may take, in nanoseconds.
    static func stopping(within time: Nanoseconds) -> String {
        "STOPPING=1\nEXTEND_TIMEOUT_USEC=\(time / 1000 + stoppingReserve)"
    }

    /// Sends a state such as `READY=1`; does nothing if `NOTIFY_SOCKET` is not set, and ignores every error.
    ///
    /// - Parameters:
    ///   - environment: the environment of the process.
    ///   - waits: whether the call blocks while the receive buffer of systemd's socket is full. False for `WATCHDOG=1`,
    ///     which is sent again soon and must not block the control thread if systemd hangs.
    static func notify(_ state: String, environment: [String: String], waits: Bool = true) {
        let bytes = Array(state.utf8)
        withSocket(environment) { socket in
            let flags = waits ? clinux_MSG_NOSIGNAL : clinux_MSG_NOSIGNAL | clinux_MSG_DONTWAIT
            _ = unsafe bytes.withUnsafeBytes { unsafe send(socket, $0.baseAddress, $0.count, flags) }
        }
    }

    /// Asks systemd to report when it has processed all states that were sent before (sd_notify_barrier(3)).
    ///
    /// - Returns: a descriptor, which the caller closes. It becomes readable once systemd has processed the states. Nil
    ///   if no systemd listens, or if its queue is full.
    static func barrier(environment: [String: String]) -> CInt? {
        var pair: [CInt] = [-1, -1]
        guard unsafe clinux_socket_pair(&pair) == 0 else { return nil }
        // systemd gets a copy of `pair[1]` with the datagram. When it reads the datagram, it closes the copy, and
        // `pair[0]` becomes readable.
        defer { close(pair[1]) }
        let bytes = Array("BARRIER=1".utf8)
        let flags = clinux_MSG_NOSIGNAL | clinux_MSG_DONTWAIT
        var isSent = false
        withSocket(environment) { socket in
            isSent = unsafe bytes.withUnsafeBytes {
                unsafe clinux_send_descriptor(socket, $0.baseAddress, $0.count, pair[1], flags) == 0
            }
        }
        if isSent { return pair[0] }
        close(pair[0])
        return nil
    }

    /// Calls `body` with a socket that is connected to systemd's socket; does nothing if NOTIFY_SOCKET names no socket.
    private static func withSocket(_ environment: [String: String], _ body: (_ socket: CInt) -> Void) {
        guard var path = environment["NOTIFY_SOCKET"], !path.isEmpty else { return }
        // The name of an abstract socket begins with a zero byte; NOTIFY_SOCKET has `@` in its place.
        let isAbstract = path.hasPrefix("@")
        if isAbstract { path = "\0" + path.dropFirst() }
        guard let address = SocketAddress(unixPath: path) else { return }
        let descriptor = socket(AF_UNIX, CInt(clinux_SOCK_DGRAM_CLOEXEC), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var storage = address.storage
        let length = isAbstract ? socklen_t(2 + path.utf8.count) : address.length
        guard unsafe clinux_connect(descriptor, &storage, length) == 0 else { return }
        body(descriptor)
    }
}
