// The user and the process at the other end of a unix socket.
internal import CLinux
internal import Glibc

/// The user and the process that connected to a unix socket.
///
/// The kernel records both when the process connects (unix(7), `SO_PEERCRED`).
package struct PeerUser: Sendable, Equatable, CustomStringConvertible {
    /// The user id.
    package let user: UInt32
    /// The process id; 0 if the process is in another PID namespace.
    ///
    /// The process may have ended since it connected.
    package let process: Int32

    package init(user: UInt32, process: Int32) {
        self.user = user
        self.process = process
    }

    /// Asks the kernel for the peer of a socket; nil if the socket is not a connected unix socket.
    package init?(of socket: Socket) {
        var process: pid_t = 0
        var user: uid_t = 0
        guard unsafe clinux_peer_user(socket.descriptor, &process, &user) == 0 else { return nil }
        // For a socket without a peer, the kernel returns the user id -1, which is `.max` as an unsigned number.
        guard user != .max else { return nil }
        self.init(user: user, process: process)
    }

    /// The user's name; nil if the user id has no name.
    ///
    /// The lookup in the system's user database may block.
    package var name: String? {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16 << 10) { buffer in
            var entry = unsafe passwd()
            var found: UnsafeMutablePointer<passwd>?
            guard unsafe getpwuid_r(user, &entry, buffer.baseAddress!, buffer.count, &found) == 0,
                let name = unsafe found?.pointee.pw_name
            else { return nil }
            return unsafe String(cString: name)
        }
    }

    /// The text for the operator's log: `user alice (pid 12)`, or `uid 1000 (pid 12)` for a user without a name.
    package var description: String { (name.map { "user \($0)" } ?? "uid \(user)") + " (pid \(process))" }
}
