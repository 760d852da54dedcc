// Whether stdout or stderr is connected to systemd's journal.
internal import CLinux
internal import Glibc

/// Finds out whether a file descriptor writes to systemd's journal.
///
/// The edge begins each line that it writes to the journal with a priority, which the journal reads (sd-daemon(3)).
package enum Journal {
    /// Whether a descriptor is the stream that `JOURNAL_STREAM` names.
    ///
    /// The variable holds the device and the inode of the stream that systemd made for stdout, stderr, or both
    /// (systemd.exec(5)). If the descriptor was redirected to a file or a pipe, its device and inode differ from the
    /// variable.
    ///
    /// - Parameter value: the value of `JOURNAL_STREAM`; nil if it is not set.
    package static func isConnected(_ descriptor: CInt, environment value: String?) -> Bool {
        guard let value, let colon = value.firstIndex(of: ":"), let device = UInt64(value[..<colon]),
            let inode = UInt64(value[value.index(after: colon)...])
        else { return false }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return false }
        return UInt64(status.st_dev) == device && UInt64(status.st_ino) == inode
    }

    /// Whether a descriptor is the stream that `JOURNAL_STREAM` in this process's environment names.
    package static func isConnected(_ descriptor: CInt) -> Bool {
        let value = unsafe getenv("JOURNAL_STREAM")
        return isConnected(descriptor, environment: unsafe value.map { unsafe String(cString: $0) })
    }
}
