// What systemd is told (sd_notify(3)): a datagram to the socket it names. Nothing, when there is none.
internal import CLinux
internal import Glibc
internal import Transport

enum ServiceNotifier {
    static func notify(_ state: String, environment: [String: String]) {
        guard var path = environment["NOTIFY_SOCKET"], !path.isEmpty else { return }
        // An abstract socket's name begins with a zero byte, written as `@`.
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
