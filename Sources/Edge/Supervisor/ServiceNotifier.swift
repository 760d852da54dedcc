// Notifies systemd of the state of the service (sd_notify(3)): a datagram to the socket that systemd names.
internal import CLinux
internal import Glibc
internal import Transport

/// Notifies systemd, if it has started the process as a service of type `notify`.
enum ServiceNotifier {
    /// How often systemd's watchdog wants to be notified of this process, in nanoseconds; nil if it does not watch it.
    ///
    /// Half of `WATCHDOG_USEC`, as sd_watchdog_enabled(3) recommends. `WATCHDOG_PID`, where it is set, names the process
    /// that is meant: a child inherits the variables of another one.
    ///
    /// - Parameters:
    ///   - environment: of the process.
    ///   - process: its id.
    static func watchdogInterval(environment: [String: String], process: Int32) -> Nanoseconds? {
        guard let text = environment["WATCHDOG_USEC"], let microseconds = UInt64(text), microseconds > 1,
            microseconds <= UInt64(Int64.max) / 1000
        else { return nil }
        if let meant = environment["WATCHDOG_PID"], meant != "\(process)" { return nil }
        return microseconds * 1000 / 2
    }

    /// The longest extension that is asked for beyond the time that the server gives itself, in microseconds: for the
    /// last errors of streams to go out and the last lines of the log.
    private static let stoppingReserve: UInt64 = 15_000_000

    /// The state that tells systemd that the process ends, and that it may take so long before it is killed, whatever
    /// `TimeoutStopSec` says.
    ///
    /// - Parameter time: how long the server gives itself, in nanoseconds.
    static func stopping(within time: Nanoseconds) -> String {
        "STOPPING=1\nEXTEND_TIMEOUT_USEC=\(time / 1000 + stoppingReserve)"
    }

    /// Sends a state such as `READY=1`; does nothing if `NOTIFY_SOCKET` is not set, and ignores every error.
    ///
    /// - Parameters:
    ///   - environment: the environment of the process.
    ///   - waits: whether to wait for room in systemd's queue; a state that is sent again soon needs no wait, and must not
    ///     hold the control thread up where systemd itself hangs.
    static func notify(_ state: String, environment: [String: String], waits: Bool = true) {
        guard var path = environment["NOTIFY_SOCKET"], !path.isEmpty else { return }
        // The name of an abstract socket begins with a zero byte, which the variable has as `@`.
        let isAbstract = path.hasPrefix("@")
        if isAbstract { path = "\0" + path.dropFirst() }
        guard let address = SocketAddress(unixPath: path) else { return }
        let descriptor = socket(AF_UNIX, CInt(clinux_SOCK_DGRAM_CLOEXEC), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var storage = address.storage
        let length = isAbstract ? socklen_t(2 + path.utf8.count) : address.length
        guard unsafe clinux_connect(descriptor, &storage, length) == 0 else { return }
        let bytes = Array(state.utf8)
        let flags = waits ? clinux_MSG_NOSIGNAL : clinux_MSG_NOSIGNAL | clinux_MSG_DONTWAIT
        _ = unsafe bytes.withUnsafeBytes { unsafe send(descriptor, $0.baseAddress, $0.count, flags) }
    }
}
