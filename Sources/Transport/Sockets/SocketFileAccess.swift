// The permissions and the group of a unix socket's file, which decide who may connect.
internal import CLinux
internal import Glibc

/// The permissions and the group that a unix socket's file gets when this process creates it.
package struct SocketFileAccess: Sendable, Equatable {
    /// Permission bits from 0 to 0777.
    ///
    /// If the value is nil, the mode is 0660 when `group` is set, and otherwise the umask decides.
    package var mode: UInt32?
    /// The name or number of a group; nil keeps the group of the process.
    package var group: String?

    package init(mode: UInt32? = nil, group: String? = nil) {
        self.mode = mode
        self.group = group
    }

    /// The number of a group, from its name or from decimal digits; nil if the system has no group of this name.
    package static func groupID(_ name: String) -> UInt32? {
        if let number = UInt32(name), number != .max { return number }
        var entry = unsafe Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        var buffer = [CChar](repeating: 0, count: 64 << 10)
        let result = unsafe buffer.withUnsafeMutableBufferPointer {
            unsafe getgrnam_r(name, &entry, $0.baseAddress!, $0.count, &found)
        }
        guard result == 0, unsafe found != nil else { return nil }
        return unsafe entry.gr_gid
    }

    /// Sets the group and the permissions of a socket file.
    ///
    /// Call `apply` before `listen`, so that no client can connect before the permissions are set.
    func apply(to path: String) throws(SystemError) {
        if let group { try Self.setGroup(group, of: path) }
        guard let mode = mode ?? (group == nil ? nil : 0o660) else { return }
        guard unsafe chmod(path, mode) == 0 else { throw SystemError.last("chmod") }
    }

    private static func setGroup(_ group: String, of path: String) throws(SystemError) {
        guard let number = groupID(group) else { throw SystemError("group \(group)", ENOENT) }
        // The systemd unit (infrastructure/systemd) permits fchownat, but none of the other chown system calls. If the
        // file already has the group, the call is skipped, because this process may lack the right to change a group.
        var status = stat()
        let isThere = unsafe stat(path, &status) == 0 && status.st_gid == number
        guard unsafe isThere || fchownat(AT_FDCWD, path, uid_t.max, number, 0) == 0 else {
            throw SystemError.last("group \(group)")
        }
    }
}
