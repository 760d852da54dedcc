// Writes whole log lines to a descriptor that may be full, gone or read by nobody, and knows which of them are lost.
internal import CLinux
internal import Glibc

/// What became of lines that were to be written.
struct LogLoss: Equatable, Sendable {
    /// Lines that are not written, and never will be.
    var lines = 0
    /// Why, as an errno; 0 where the time was over.
    var code: CInt = 0
}

/// Confined to the thread of the log.
struct LogWriter {
    /// Takes bytes, or says with a negative errno why not; 0 when the time is over.
    typealias Write = (UnsafeRawBufferPointer) -> Int

    /// What is left of a line that is written in part: it goes out before all others, so that no line is torn for good.
    private(set) var rest: [UInt8] = []

    /// Writes lines, each with its line end, in order.
    ///
    /// - Parameter count: how many lines these are.
    /// - Returns: what is lost of them. A line that is begun is none of it: its rest is kept.
    mutating func write(_ lines: [UInt8], count: Int, to write: Write) -> LogLoss? {
        if let code = unsafe writeRest(to: write) { return LogLoss(lines: count, code: code) }
        var sent = 0
        while sent < lines.count {
            let step = unsafe lines.withUnsafeBytes { unsafe write(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
            guard step > 0 else { return lose(lines, from: sent, code: CInt(-step)) }
            sent += step
        }
        return nil
    }

    /// The end: a line whose rest cannot be written is lost too.
    mutating func finish(to write: Write) -> LogLoss? {
        defer { rest = [] }
        return unsafe writeRest(to: write).map { LogLoss(lines: 1, code: $0) }
    }

    /// - Returns: why it cannot be written; nil when it is.
    private mutating func writeRest(to write: Write) -> CInt? {
        while !rest.isEmpty {
            let step = unsafe rest.withUnsafeBytes { unsafe write($0) }
            guard step > 0 else { return CInt(-step) }
            rest.removeFirst(step)
        }
        return nil
    }

    private mutating func lose(_ lines: [UInt8], from sent: Int, code: CInt) -> LogLoss? {
        var next = sent
        if sent > 0, lines[sent - 1] != UInt8(ascii: "\n") {
            next = (lines[sent...].firstIndex(of: UInt8(ascii: "\n")) ?? lines.count - 1) + 1
            rest = Array(lines[sent..<next])
        }
        let lost = lines[next...].reduce(0) { $0 + ($1 == UInt8(ascii: "\n") ? 1 : 0) }
        return LogLoss(lines: lost, code: code)
    }
}

/// How a descriptor is written to without waiting for ever, whatever it is.
struct LogDescriptor {
    /// How a kind of descriptor says that it has no room.
    private enum Kind { case file, pipe, socket }

    private let descriptor: CInt
    private let kind: Kind
    /// What a pipe takes at once, or not at all (pipe(7)).
    private static let pipePiece = 4096
    /// How long one look at a full descriptor lasts, in milliseconds.
    private let look: CInt

    init(_ descriptor: CInt, look: CInt = 50) {
        self.descriptor = descriptor
        self.look = look
        var status = stat()
        let mode = unsafe fstat(descriptor, &status) == 0 ? status.st_mode & S_IFMT : 0
        switch mode {
        // A device that is no terminal, /dev/null for one, takes everything at once.
        case S_IFREG: kind = .file
        case S_IFCHR: kind = isatty(descriptor) == 0 ? .file : .pipe
        case S_IFSOCK: kind = .socket
        default: kind = .pipe
        }
    }

    /// Writes a part, waiting for room until `isOver` says that nobody waits any more.
    ///
    /// - Returns: how many bytes are written; a negative errno; 0 when the time is over.
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

    /// How much a pipe is given at once: it takes that whole or not at all, so it ends with a line where it can.
    ///
    /// Then no line is in two pieces when the reader of a pipe goes and another one comes.
    static func piece(of bytes: UnsafeRawBufferPointer) -> Int {
        guard bytes.count > pipePiece else { return bytes.count }
        let end = unsafe bytes[..<pipePiece].lastIndex(of: UInt8(ascii: "\n"))
        return end.map { $0 + 1 } ?? pipePiece
    }

    /// Errors count as room: the write says what they are.
    private var hasRoom: Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&entry, 1, look) != 0
    }
}
