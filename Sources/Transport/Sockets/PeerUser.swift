// Who is at the other end of a unix socket: the user and the process that connected.
internal import CLinux
internal import Glibc

/// The user and the process that have connected to a unix socket, as the kernel recorded them then (unix(7),
/// `SO_PEERCRED`).
package struct PeerUser: Sendable, Equatable, CustomStringConvertible {
    /// The user's number.
    package let user: UInt32
    /// The number of the process, which may have ended since; 0 if it is of another namespace.
    package let process: Int32

    package init(user: UInt32, process: Int32) {
        self.user = user
        self.process = process
    }

    /// Asks the kernel; nil if the socket is not a connected unix socket.
    package init?(of socket: Socket) {
        var process: pid_t = 0
        var user: uid_t = 0
        guard unsafe clinux_peer_user(socket.descriptor, &process, &user) == 0 else { return nil }
        // The kernel gives this user for a socket without a peer.
        guard user != .max else { return nil }
        self.init(user: user, process: process)
    }

    /// The user's name; nil if the system knows none.
    ///
    /// It reads the system's table of users, which may block for a moment.
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

    /// As the operator's log has it: `user alice (pid 12)`, or `uid 1000 (pid 12)` for a user without a name.
    package var description: String { (name.map { "user \($0)" } ?? "uid \(user)") + " (pid \(process))" }
}
