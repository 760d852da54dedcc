// Notices that a file has changed, without reading it.
internal import CLinux
internal import Glibc

/// The identity of a file and of its contents, as far as `stat` shows it.
package struct FileStamp: Equatable, Sendable {
    private var device: UInt
    private var inode: UInt
    private var size: Int
    private var seconds: Int
    private var nanoseconds: Int

    /// Nil if there is no such file; `errno` says why.
    package init?(_ path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        device = UInt(status.st_dev)
        inode = UInt(status.st_ino)
        size = Int(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }

    /// Whether both are one file, whatever it holds.
    package func isSameFile(as other: FileStamp?) -> Bool { other?.device == device && other?.inode == inode }

    /// Whether the file was changed within the last two seconds.
    ///
    /// Two changes within one tick of the file system's clock have the same time, so such a file is read again.
    ///
    /// - Parameter now: in seconds since 1970.
    package func isNew(at now: Int) -> Bool { now - seconds < 2 }
}
