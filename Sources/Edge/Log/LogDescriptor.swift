// Writes to the descriptor of a log, which may be a file, a terminal, a pipe or a socket, without blocking for ever.
internal import CLinux
internal import Glibc

/// Writes to a file descriptor.
///
/// If the descriptor is full, waits until it accepts bytes again or until the caller ends the wait.
struct LogDescriptor {
    /// The kind of a descriptor, which decides how bytes are written to it without blocking.
    ///
    /// A file is written to at once, because no reader has to empty it. For a pipe, a terminal or a socket, `poll` must
    /// first report room. A write to a socket that is full nevertheless returns EAGAIN. A terminal counts as a pipe.
    private enum Kind { case file, pipe, socket }

    private let descriptor: CInt
    private let kind: Kind
    /// PIPE_BUF, in bytes: a write of at most this size to a pipe is atomic (pipe(7)).
    private static let pipePiece = 4096
    /// The longest time, in milliseconds, that one `poll` waits until the descriptor has room.
    private let pollTimeout: CInt

    init(_ descriptor: CInt, pollTimeout: CInt = 50) {
        self.descriptor = descriptor
        self.pollTimeout = pollTimeout
        var status = stat()
        let mode = unsafe fstat(descriptor, &status) == 0 ? status.st_mode & S_IFMT : 0
        switch mode {
        case S_IFREG: kind = .file
        // A device that is not a terminal, such as /dev/null, is treated as a file, because a write to it does not have
        // to wait.
        case S_IFCHR: kind = isatty(descriptor) == 0 ? .file : .pipe
        case S_IFSOCK: kind = .socket
        default: kind = .pipe
        }
    }

    /// Writes as many of the bytes as the descriptor accepts; if it is full, waits until it accepts some or `isOver` is
    /// true.
    ///
    /// - Returns: the number of bytes written, a negative errno, or 0 if the wait ended because `isOver` returned true.
    func write(_ bytes: UnsafeRawBufferPointer, until isOver: () -> Bool) -> Int {
        while true {
            if kind != .file, !hasRoom {
                if isOver() { return 0 }
                continue
            }
            let count = unsafe put(bytes)
            if count >= 0 { return count == 0 ? -Int(EIO) : count }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                if isOver() { return 0 }
                usleep(10_000)
            default: return -Int(errno)
            }
        }
    }

    private func put(_ bytes: UnsafeRawBufferPointer) -> Int {
        switch kind {
        case .file: unsafe Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        case .pipe: unsafe Glibc.write(descriptor, bytes.baseAddress, Self.piece(of: bytes))
        case .socket: unsafe send(descriptor, bytes.baseAddress, bytes.count, clinux_MSG_NOSIGNAL | clinux_MSG_DONTWAIT)
        }
    }

    /// The number of bytes for one write to a pipe: the complete lines among the first PIPE_BUF bytes, or PIPE_BUF
    /// bytes of a longer line.
    ///
    /// A write of at most PIPE_BUF bytes is atomic. So a program that begins to read the pipe later begins with a whole
    /// line, unless a line is longer than PIPE_BUF.
    static func piece(of bytes: UnsafeRawBufferPointer) -> Int {
        guard bytes.count > pipePiece else { return bytes.count }
        let end = unsafe bytes[..<pipePiece].lastIndex(of: UInt8(ascii: "\n"))
        return end.map { $0 + 1 } ?? pipePiece
    }

    /// Whether the descriptor has room for more bytes, as far as `poll` can tell.
    ///
    /// Also true if `poll` reports an error, because the write then returns that error.
    private var hasRoom: Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&entry, 1, pollTimeout) != 0
    }
}
