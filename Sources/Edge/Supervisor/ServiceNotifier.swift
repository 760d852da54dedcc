// Notifies systemd of the state of the service (sd_notify(3)): a datagram to the socket that systemd names.
internal import CLinux
internal import Glibc
internal import Transport

/// Notifies systemd, if it has started the process as a service of type `notify`.
enum ServiceNotifier {
    /// Sends a state such as `READY=1`; does nothing if `NOTIFY_SOCKET` is not set, and ignores every error.
    ///
    /// - Parameter environment: the environment of the process.
    static func notify(_ state: String, environment: [String: String]) {
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
        _ = unsafe bytes.withUnsafeBytes { unsafe send(descriptor, $0.baseAddress, $0.count, clinux_MSG_NOSIGNAL) }
    }
}
