// Detects that a file has changed, without reading its contents.
internal import CLinux
internal import Glibc

/// What `stat` reports about a file: its device, inode, size and modification time.
package struct FileStamp: Equatable, Sendable {
    private var device: UInt
    private var inode: UInt
    private var size: Int
    private var seconds: Int
    private var nanoseconds: Int

    /// Makes the stamp of a file from the result of `stat`.
    ///
    /// The stamp is nil if `stat` fails; `errno` then holds the error.
    package init?(_ path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        device = UInt(status.st_dev)
        inode = UInt(status.st_ino)
        size = Int(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }

    /// Whether both stamps are of the same file (device and inode), even if its contents differ.
    package func isSameFile(as other: FileStamp?) -> Bool { other?.device == device && other?.inode == inode }

    /// Whether the file was modified less than two seconds before `now`.
    ///
    /// The stamp of such a file is unreliable, because two changes within one tick of the file system's clock have the
    /// same modification time. So a caller should read such a file again even if its stamp has not changed.
    ///
    /// - Parameter now: the time in seconds since 1970.
    package func isNew(at now: Int) -> Bool { now - seconds < 2 }
}
