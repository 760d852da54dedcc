// Writes whole log lines to a descriptor that may be full, closed or read by nobody, and counts the lines that it
// loses.
internal import CLinux
internal import Glibc

/// Writes batches of lines; confined to the log thread.
struct LogWriter {
    /// Writes some of the bytes and returns their number, a negative errno, or 0 if nobody read them in time.
    typealias Write = (UnsafeRawBufferPointer) -> Int

    /// The rest of a line of which a part has been written.
    ///
    /// The next write begins with it, so that the reader gets every line that it got a part of.
    private(set) var rest: [UInt8] = []

    /// Writes lines, each with its line end, in order.
    ///
    /// - Parameter count: the number of lines.
    /// - Returns: the lines that were lost; nil if none were. A line of which a part was written does not count as
    ///   lost: its rest is kept.
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

    /// Writes the rest that is kept; if that fails, its line is lost.
    mutating func finish(to write: Write) -> LogLoss? {
        defer { rest = [] }
        return unsafe writeRest(to: write).map { LogLoss(lines: 1, code: $0) }
    }

    /// Writes the rest; returns the errno if that fails, 0 if nobody read it in time, nil if it has been written.
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
